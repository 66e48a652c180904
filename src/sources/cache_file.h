// The rows of a cache of decoded images: a .npy while it is written and mapped.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>

#include "base/file.h"
#include "sources/prepare.h"

namespace dcgan {

/// A .npy, uint8 [rows, C, H, W], that is written row by row under a temporary name and removed
/// unless it is completed. Everything here throws `failure` that names the file and its size.
class NewCache {
 public:
  /// In the place of what a killed process left at `path`, with room on the disk for `max_rows`.
  NewCache(std::filesystem::path path, const RowFormat& format, std::int64_t max_rows);
  ~NewCache() { remove(); }
  NewCache(const NewCache&) = delete;
  NewCache& operator=(const NewCache&) = delete;

  /// Not through a map: a full disk would be a signal there.
  void append(const std::uint8_t* row);

  /// Flushes the rows and renames the file to `whole`.
  void complete(const std::filesystem::path& whole);

 private:
  std::int64_t place(std::int64_t row) const;  ///< bytes from the beginning of the file
  void write(std::int64_t place, const void* bytes, std::int64_t size) const;
  void remove() const;
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;  ///< empty once completed
  RowFormat format_;
  std::int64_t max_rows_;
  std::int64_t rows_ = 0;
  Descriptor descriptor_;
};

/// The rows of the .npy at `path`, mapped read-only; nothing where it is not one of `rows` rows of
/// this format.
std::shared_ptr<const std::uint8_t> map_rows(const std::filesystem::path& path,
                                             const RowFormat& format, std::int64_t rows);

}  // namespace dcgan
