// The file of an image cache, mapped into memory.
//
//     header     fixed size: magic "DCGANIMG", version, state, counts, sizes, CRC-32
//     key        what the rows depend on beside the files: folder, size, channels, fit, ...
//     entries    one a file, in the order of the paths: its stamp, CRC-32; its row's number, CRC-32
//     paths      each ended by a zero byte, in the same order
//     rows       at a page's boundary: uint8 [files, C, H, W], one behind the other
//
// Numbers are little-endian. While a cache is built its entries appear one by one, each when its
// row is there, so that what a killed process leaves behind is of use.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string_view>

#include "base/descriptor.h"
#include "sources/image_folder.h"

namespace dcgan {

struct CacheHeader {
  std::array<char, 8> magic{'D', 'C', 'G', 'A', 'N', 'I', 'M', 'G'};
  std::uint32_t version = 2;
  std::uint32_t complete = 0;
  std::int64_t files = 0;
  std::int64_t training_rows = 0;  ///< rows that are not held out
  std::int64_t rows = 0;           ///< good files, once complete
  std::int64_t row_bytes = 0;
  std::int64_t key_bytes = 0;
  std::int64_t path_bytes = 0;
  std::uint32_t index_crc = 0;  ///< of key, entries and paths, once complete
  std::uint32_t white = 0;      ///< RowFormat::white of the rows; 0, of older caches: kFullRange
};
static_assert(sizeof(CacheHeader) == 72);

/// What a cache holds of one file.
struct CacheEntry {
  enum class State : std::uint8_t {
    missing = 0,     ///< not looked at yet
    good = 1,        ///< has a row
    bad = 2,         ///< is no image
    unreadable = 3,  ///< could not be read, which may pass without a change of the file
  };

  FileStamp stamp;
  std::uint32_t file_crc = 0;  ///< CRC-32 of the file's content
  std::uint32_t row_crc = 0;   ///< CRC-32 of the row
  std::int64_t row = 0;        ///< which row is its own
  std::int32_t height = 0;     ///< of the decoded image, before it was fitted
  std::int32_t width = 0;
  State state = State::missing;
  std::array<std::uint8_t, 7> unused{};
};
static_assert(sizeof(CacheEntry) == 64);

/// The mapped file. Its header's sizes fit the file, so that nothing here reaches out of it; what
/// the entries say is not checked.
class CacheFile {
 public:
  /// Takes over a map of `size` bytes.
  CacheFile(void* data, std::int64_t size) : data_(data), size_(size) {}
  ~CacheFile();
  CacheFile(const CacheFile&) = delete;
  CacheFile& operator=(const CacheFile&) = delete;

  CacheHeader& header() const;
  CacheEntry* entries() const;  ///< [files]
  std::string_view key() const;
  std::string_view paths() const;
  std::int64_t row_place(std::int64_t index) const;  ///< bytes from the beginning of the file
  std::uint8_t* row(std::int64_t index) const { return at(row_place(index)); }
  std::int64_t size() const { return size_; }  ///< bytes

  /// CRC-32 of key, entries and paths as they are now.
  std::uint32_t index_crc() const;

 private:
  std::uint8_t* at(std::int64_t offset) const { return static_cast<std::uint8_t*>(data_) + offset; }

  void* data_;
  std::int64_t size_;
};
using MappedCache = std::shared_ptr<const CacheFile>;

enum class CacheAccess { read, write };

/// Maps the cache file at `path`, whole or half built, if it has this key and rows of this size;
/// nothing where there is none or it is damaged. Writing to what was mapped to be read is a crash.
MappedCache map_cache(const std::filesystem::path& path, std::string_view key,
                      std::int64_t row_bytes, CacheAccess access);

/// A cache file that is being built. Its rows are written, not stored through the map: no page is
/// cleared first, and a disk that fails gives an error, not a signal.
class NewCache {
 public:
  /// Makes a file without entries at `path`, where there must be none, with room on the disk for
  /// everything. `header` has the counts; key_bytes and path_bytes are taken from the texts.
  /// Everything here throws `failure` that names the file, with what is needed and what is free
  /// where the disk is too small; the file is removed then.
  NewCache(std::filesystem::path path, CacheHeader header, std::string_view key,
           std::string_view paths);

  const CacheFile& file() const { return *file_; }

  /// Row `index` from `row`, [row_bytes]. From any thread.
  void write_row(std::int64_t index, const std::uint8_t* row) const;

  /// Asks the system to begin to write to the disk what is new, so that complete() has less to wait
  /// for. Does not wait.
  void start_flush() const;

  /// Marks the file as complete, flushes it and renames it to `whole`. From then on it can only be
  /// read.
  MappedCache complete(const std::filesystem::path& whole);

 private:
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  Descriptor descriptor_;
  std::int64_t size_ = 0;
  MappedCache file_;
};

/// Asks the system to have a cache's rows at hand: all of them where they take less than half of
/// the memory, else none before it is used, since the order of training is random.
void advise(const CacheFile& file);

/// Keeps other processes from building or changing a cache at the same time, by a file of its own.
class CacheLock {
 public:
  /// Does not wait.
  explicit CacheLock(const std::filesystem::path& path);
  /// Waits, and calls `waiting` ten times a second, which may throw. Throws `failure` naming `path`
  /// where that file can't be made.
  CacheLock(const std::filesystem::path& path, const std::function<void()>& waiting);

  /// False where another process has the lock and it was not waited for, and where the file system
  /// has no locks, as some network file systems.
  bool held() const { return held_; }

 private:
  bool take();  ///< false where another process has it

  Descriptor descriptor_;
  bool held_ = false;
};

/// From here on a process that reads what is no longer there, because another program cut a mapped
/// cache's file short or its disk failed, ends with a message that names the file and exit code 1
/// in place of a bare SIGBUS.
void explain_lost_caches();

/// CRC-32.
std::uint32_t crc_of(const void* bytes, std::int64_t size);

}  // namespace dcgan
