// SPDX-License-Identifier: Apache-2.0
#include "sim/integer_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "common/error.h"

namespace axesim::sim {

namespace {

/// Calls `move(bytes done, bytes left)`, as pwrite and pread are, until all bytes are moved.
template <class Move>
void move_all(const std::filesystem::path& folder, const char* what, std::int64_t bytes,
              const Move& move) {
    for (std::int64_t done = 0; done < bytes;) {
        const ssize_t moved = move(done, static_cast<std::size_t>(bytes - done));
        if (moved < 0 && errno == EINTR) continue;
        if (moved <= 0) {
            throw RunError(fmt::format("{}: integer weights cannot be {} a file here: {}",
                                       folder.string(), what,
                                       moved < 0 ? std::strerror(errno) : "it ends too early"));
        }
        done += moved;
    }
}

}  // namespace

IntegerStore::IntegerStore(const std::filesystem::path& folder) : folder_(folder) {
    std::error_code ignored;  // mkostemp tells
    std::filesystem::create_directories(folder, ignored);
    std::string name = (folder / "integers.XXXXXX").string();
    file_ = ::mkostemp(name.data(), O_CLOEXEC);
    if (file_ < 0) {
        throw RunError(fmt::format("{}: no file for integer weights can be made here: {}",
                                   folder.string(), std::strerror(errno)));
    }
    ::unlink(name.c_str());
}

IntegerStore::~IntegerStore() { ::close(file_); }

void IntegerStore::put(const workloads::LinearId& id, const Matrix<std::int16_t>& codes) {
    const auto bytes = static_cast<std::int64_t>(sizeof(std::int16_t)) * codes.size();
    const auto* from = reinterpret_cast<const std::byte*>(codes.data());
    move_all(folder_, "written to", bytes, [&](std::int64_t done, std::size_t left) {
        return ::pwrite(file_, from + done, left, end_ + done);
    });
    places_[id] = {end_, codes.rows(), codes.cols()};
    end_ += bytes;
}

Matrix<std::int16_t> IntegerStore::get(const workloads::LinearId& id) const {
    const Place& place = places_.at(id);
    Matrix<std::int16_t> codes(place.rows, place.columns);
    auto* to = reinterpret_cast<std::byte*>(codes.data());
    move_all(folder_, "read from", static_cast<std::int64_t>(sizeof(std::int16_t)) * codes.size(),
             [&](std::int64_t done, std::size_t left) {
                 return ::pread(file_, to + done, left, place.offset + done);
             });
    return codes;
}

}  // namespace axesim::sim
