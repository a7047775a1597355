// SPDX-License-Identifier: Apache-2.0
#include "common/files.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <system_error>
#include <utility>

#include "common/error.h"

namespace axesim {

namespace fs = std::filesystem;

namespace {

std::string reason() { return std::strerror(errno); }

/// A name beside `path` that no other process uses.
fs::path temporary_beside(const fs::path& path) {
    return fs::path(path.string() + fmt::format(".tmp{}", ::getpid()));
}

void flush_to_disk(const fs::path& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        throw RunError(fmt::format("{}: cannot be opened again: {}", path.string(), reason()));
    const bool synced = ::fsync(fd) == 0;
    const std::string why = reason();
    ::close(fd);
    if (!synced) throw RunError(fmt::format("{}: cannot be written: {}", path.string(), why));
}

bool has_data(const fs::path& folder) {
    std::error_code ignored;
    return fs::is_directory(folder / "configs" / "technology", ignored) &&
           fs::is_directory(folder / "workloads" / "text", ignored);
}

class Sha256 {
public:
    Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) {
        require(context_ && EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) == 1);
    }
    void add(std::span<const std::byte> bytes) {
        require(EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size()) == 1);
    }
    std::string hex() {
        std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
        unsigned int length = 0;
        require(EVP_DigestFinal_ex(context_.get(), digest.data(), &length) == 1);
        std::string text;
        for (unsigned int i = 0; i < length; ++i) text += fmt::format("{:02x}", digest[i]);
        return text;
    }

private:
    static void require(bool done) {
        if (!done) throw RunError("SHA-256 failed in the cryptography library");
    }

    std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

void write_file_atomically(const fs::path& path, const std::function<void(std::ostream&)>& write) {
    const fs::path temporary = temporary_beside(path);
    try {
        std::ofstream out(temporary, std::ios::binary | std::ios::trunc);
        if (!out) {
            throw RunError(fmt::format("{}: cannot be written: {}", path.string(), reason()));
        }
        write(out);
        out.close();
        if (!out) {
            throw RunError(fmt::format("{}: cannot be written: {}", path.string(), reason()));
        }
        flush_to_disk(temporary);
        fs::rename(temporary, path);
    } catch (const fs::filesystem_error& error) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw RunError(
            fmt::format("{}: cannot be written: {}", path.string(), error.code().message()));
    } catch (...) {
        std::error_code ignored;
        fs::remove(temporary, ignored);
        throw;
    }
}

FileLock::FileLock(const fs::path& path, bool wait) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) throw RunError(fmt::format("{}: cannot be made: {}", path.string(), reason()));
    int status = 0;
    do {
        status = ::flock(fd, wait ? LOCK_EX : LOCK_EX | LOCK_NB);
    } while (status != 0 && errno == EINTR);
    if (status == 0) {
        fd_ = fd;
        return;
    }
    const bool taken = errno == EWOULDBLOCK;
    const std::string why = reason();
    ::close(fd);
    if (!taken) throw RunError(fmt::format("{}: cannot be locked: {}", path.string(), why));
}

std::optional<FileLock> FileLock::try_take(const fs::path& path) {
    FileLock lock(path, false);
    if (lock.fd_ < 0) return std::nullopt;
    return lock;
}

FileLock::~FileLock() {
    if (fd_ >= 0) ::close(fd_);
}

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

void require_writable_directory(const fs::path& path) {
    std::error_code error;
    fs::create_directories(path, error);
    if (error || !fs::is_directory(path)) {
        throw UserError(
            fmt::format("{}: cannot be made a folder for results: {}; choose another --out",
                        path.string(), error ? error.message() : "something else has this name"));
    }
    std::string probe = (path / ".axesim-probe-XXXXXX").string();
    const int fd = ::mkstemp(probe.data());
    if (fd < 0) {
        throw UserError(fmt::format("{}: cannot be written to: {}; choose another --out",
                                    path.string(), reason()));
    }
    ::close(fd);
    ::unlink(probe.c_str());
}

std::string read_text_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    std::error_code error;
    if (!in || fs::is_directory(path, error)) {
        const std::string why = fs::is_directory(path, error) ? "is a folder" : reason();
        throw UserError(fmt::format("{}: cannot be read: {}", path.string(), why));
    }
    std::ostringstream text;
    text << in.rdbuf();
    return std::move(text).str();
}

MappedFile::MappedFile(const fs::path& path) : path_(path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) throw UserError(fmt::format("{}: cannot be read: {}", path.string(), reason()));
    struct stat status {};
    if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        ::close(fd);
        throw UserError(fmt::format("{}: is not a file", path.string()));
    }
    if (status.st_size == 0) {
        ::close(fd);
        throw UserError(fmt::format("{}: is empty", path.string()));
    }
    const auto size = static_cast<std::size_t>(status.st_size);
    void* memory = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, fd, 0);
    const std::string why = reason();
    ::close(fd);
    if (memory == MAP_FAILED) {
        throw UserError(fmt::format("{}: cannot be mapped: {}", path.string(), why));
    }
    bytes_ = {static_cast<const std::byte*>(memory), size};
}

MappedFile::~MappedFile() {
    if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})) {}

void release_pages(std::span<const std::byte> mapped) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    void* first = const_cast<std::byte*>(mapped.data());
    std::size_t space = mapped.size();
    // Only advice: nothing is lost where it is not taken.
    if (std::align(page, page, first, space) != nullptr) {
        ::madvise(first, space / page * page, MADV_DONTNEED);
    }
}

fs::path data_directory() {
    if (const char* given = std::getenv("AXESIM_DATA")) {
        if (!has_data(given)) {
            throw UserError(
                fmt::format("AXESIM_DATA={}: has no configs/technology and workloads/text", given));
        }
        return given;
    }
    std::error_code error;
    fs::path folder = fs::read_symlink("/proc/self/exe", error).parent_path();
    while (!folder.empty()) {
        if (has_data(folder)) return folder;
        if (has_data(folder / "share" / "axesim")) return folder / "share" / "axesim";
        if (folder == folder.root_path()) break;
        folder = folder.parent_path();
    }
    throw UserError(
        "configs/ and workloads/text/ are not above the program; set AXESIM_DATA to the folder "
        "that "
        "holds them");
}

fs::path cache_directory() {
    if (const char* given = std::getenv("AXESIM_CACHE"); given && *given) return given;
    if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg)
        return fs::path(xdg) / "axesim";
    if (const char* home = std::getenv("HOME"); home && *home) {
        return fs::path(home) / ".cache" / "axesim";
    }
    throw UserError("no home directory; set AXESIM_CACHE to a folder for downloaded models");
}

std::string sha256_hex(std::span<const std::byte> bytes) {
    Sha256 digest;
    digest.add(bytes);
    return digest.hex();
}

std::string sha256_of_file(const fs::path& path) {
    constexpr std::size_t kChunk = std::size_t{64} << 20;
    const MappedFile file(path);
    Sha256 digest;
    for (auto rest = file.bytes(); !rest.empty();) {
        const auto chunk = rest.first(std::min(kChunk, rest.size()));
        digest.add(chunk);
        release_pages(chunk);
        rest = rest.subspan(chunk.size());
    }
    return digest.hex();
}

}  // namespace axesim
