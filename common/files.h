// SPDX-License-Identifier: Apache-2.0
// Files that are either whole or not there: written beside their place, then renamed.
#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>

namespace axesim {

/// Writes `path` through a temporary file in the same folder that is renamed when `write` returned
/// and the data is on disk. Throws RunError naming the file and the cause (full disk, no
/// permission); the temporary is removed.
void write_file_atomically(const std::filesystem::path& path,
                           const std::function<void(std::ostream&)>& write);

/// An exclusive lock on a file, which is made if need be and stays. The system lets go of it with
/// the object or with the process, however that ends.
class FileLock {
public:
    /// Waits until nobody else holds it. Throws RunError when the file cannot be made.
    explicit FileLock(const std::filesystem::path& path) : FileLock(path, true) {}
    /// Nothing when somebody else holds it.
    static std::optional<FileLock> try_take(const std::filesystem::path& path);
    ~FileLock();
    FileLock(FileLock&&) noexcept;
    FileLock& operator=(FileLock&&) = delete;

private:
    FileLock(const std::filesystem::path& path, bool wait);

    int fd_ = -1;  ///< -1: not held
};

/// Makes the folder if needed and proves that a file can be made in it, so that a run of minutes
/// does not end at an unwritable place. Throws UserError.
void require_writable_directory(const std::filesystem::path& path);

/// The whole file as text. Throws UserError if it cannot be read.
std::string read_text_file(const std::filesystem::path& path);

/// A file mapped read-only into memory.
class MappedFile {
public:
    /// Throws UserError when the file is missing, unreadable or empty.
    explicit MappedFile(const std::filesystem::path& path);
    ~MappedFile();
    MappedFile(MappedFile&&) noexcept;
    MappedFile& operator=(MappedFile&&) = delete;

    std::span<const std::byte> bytes() const { return bytes_; }
    const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
    std::span<const std::byte> bytes_;
};

/// Lets go of the pages that lie wholly within these bytes of a MappedFile: they leave the
/// process's resident memory and are mapped again when they are next read. For what is read once in
/// a while, so that a file larger than memory costs no more than what is in use.
void release_pages(std::span<const std::byte> mapped);

/// The folder that holds `configs/` and `workloads/text/`: $AXESIM_DATA, or the nearest folder
/// above the running program that has them (build tree or installation). Throws UserError.
std::filesystem::path data_directory();

/// Where downloaded models are kept: $AXESIM_CACHE, $XDG_CACHE_HOME/axesim or ~/.cache/axesim.
std::filesystem::path cache_directory();

/// Lower-case hexadecimal SHA-256 of the bytes.
std::string sha256_hex(std::span<const std::byte> bytes);
/// The same of a file of any size. Throws UserError as MappedFile does.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace axesim
