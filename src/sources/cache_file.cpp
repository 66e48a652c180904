#include "sources/cache_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "base/system_limits.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kPage = 4096;

/// Where the parts of a file begin.
struct Layout {
  std::int64_t key = sizeof(CacheHeader);
  std::int64_t entries = 0;
  std::int64_t paths = 0;
  std::int64_t rows = 0;
  std::int64_t end = 0;
};

std::int64_t round_up(std::int64_t value, std::int64_t unit) {
  return (value + unit - 1) / unit * unit;
}

Layout layout_of(const CacheHeader& header) {
  Layout layout;
  layout.entries = round_up(layout.key + header.key_bytes, alignof(CacheEntry));
  layout.paths = layout.entries + header.files * static_cast<std::int64_t>(sizeof(CacheEntry));
  layout.rows = round_up(layout.paths + header.path_bytes, kPage);
  layout.end = layout.rows + header.files * header.row_bytes;
  return layout;
}

/// Whether `header` is of a file of `size` bytes. No product overflows: each number that goes into
/// one is below 2^46 and so is the product.
bool sizes_fit(const CacheHeader& header, std::int64_t size) {
  constexpr std::int64_t kMost = std::int64_t{1} << 46;
  const auto sane = [](std::int64_t value) { return value >= 0 && value <= kMost; };
  return sane(header.files) && sane(header.row_bytes) && sane(header.key_bytes) &&
         sane(header.path_bytes) &&
         static_cast<double>(header.files) * static_cast<double>(header.row_bytes) <
             static_cast<double>(kMost) &&
         layout_of(header).end == size;
}

// Maps whose file is gone ------------------------------------------------------------------------

/// What a signal handler may read: where a file is mapped, and what to say if it is cut.
struct MapNote {
  std::atomic<std::uintptr_t> begin{0};  ///< 0: free
  std::atomic<std::uintptr_t> end{0};
  std::array<char, 2048> words{};
};
std::array<MapNote, 16> map_notes;  // a process has one or two; what is beyond has no words
std::mutex map_notes_mutex;

void note_map(const void* data, std::int64_t size, const fs::path& path) {
  const std::string words = fmt::format(
      "\ndcgan: {}: this cache of decoded images can't be read any longer: it was cut short, or "
      "its disk is gone\n       remove it and run the same command again; a training goes on from "
      "its last checkpoint with 'dcgan train --resume --out' and its folder\n",
      path.string());
  const std::lock_guard lock(map_notes_mutex);
  for (MapNote& note : map_notes) {
    if (note.begin != 0 || words.size() >= note.words.size()) continue;
    std::copy_n(words.c_str(), words.size() + 1, note.words.begin());
    const auto begin = reinterpret_cast<std::uintptr_t>(data);
    note.end = begin + static_cast<std::uintptr_t>(size);
    note.begin = begin;
    return;
  }
}

void forget_map(const void* data) {
  const std::lock_guard lock(map_notes_mutex);
  for (MapNote& note : map_notes) {
    if (note.begin == reinterpret_cast<std::uintptr_t>(data)) note.begin = 0;
  }
}

/// Another thread's words may be mixed in, since nothing may be locked here.
void say_lost_map(int signal, siginfo_t* info, void* /*context*/) {
  const auto address = reinterpret_cast<std::uintptr_t>(info->si_addr);
  for (const MapNote& note : map_notes) {
    if (note.begin == 0 || address < note.begin || address >= note.end) continue;
    [[maybe_unused]] const ssize_t ignored =
        write(STDERR_FILENO, note.words.data(), std::strlen(note.words.data()));
    _exit(1);
  }
  std::signal(signal, SIG_DFL);  // not ours: the access is repeated, and ends the process
}

/// Nothing, with errno, where it can't be mapped.
MappedCache map(int descriptor, std::int64_t size, int protection, const fs::path& path) {
  void* const data =
      mmap(nullptr, static_cast<std::size_t>(size), protection, MAP_SHARED, descriptor, 0);
  if (data == MAP_FAILED) return nullptr;
  note_map(data, size, path);
  return std::make_shared<const CacheFile>(data, size);
}

/// `wanted`: bytes; named where the disk is too small.
Error cache_failure(const fs::path& path, int error, std::int64_t wanted) {
  std::error_code ignored;
  const fs::space_info space = fs::space(path.parent_path(), ignored);
  if (error != ENOSPC && error != EFBIG && error != EDQUOT) {
    return failure(
        fmt::format("{}: the decoded images can't be kept here: {}; set data.cache to another "
                    "folder, or to none",
                    path.string(), std::strerror(error)));
  }
  return failure(
      fmt::format("{}: the decoded images can't be kept here: {} ({} are needed, {} free); set "
                  "data.cache to a folder with room, or to none, or lower data.image_size",
                  path.string(), std::strerror(error), format_bytes(wanted),
                  format_bytes(static_cast<std::int64_t>(space.available))));
}

/// Its number, or -1 with errno.
int open_lock(const fs::path& path) {
  const int made = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
  if (made >= 0 || errno != EACCES) return made;
  // Another user's may be locked, too.
  const int found = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  errno = EACCES;
  return found;
}

/// 0, or the error number.
int reserve(int descriptor, std::int64_t size) {
  int error = EINTR;
  while (error == EINTR) error = posix_fallocate(descriptor, 0, size);
  return error;
}

}  // namespace

CacheFile::~CacheFile() {
  forget_map(data_);
  munmap(data_, static_cast<std::size_t>(size_));
}

CacheHeader& CacheFile::header() const { return *reinterpret_cast<CacheHeader*>(at(0)); }

CacheEntry* CacheFile::entries() const {
  return reinterpret_cast<CacheEntry*>(at(layout_of(header()).entries));
}

std::string_view CacheFile::key() const {
  return {reinterpret_cast<const char*>(at(layout_of(header()).key)),
          static_cast<std::size_t>(header().key_bytes)};
}

std::string_view CacheFile::paths() const {
  return {reinterpret_cast<const char*>(at(layout_of(header()).paths)),
          static_cast<std::size_t>(header().path_bytes)};
}

std::int64_t CacheFile::row_place(std::int64_t index) const {
  return layout_of(header()).rows + index * header().row_bytes;
}

std::uint32_t CacheFile::index_crc() const {
  const Layout layout = layout_of(header());
  return crc_of(at(layout.key), layout.rows - layout.key);
}

MappedCache map_cache(const fs::path& path, std::string_view key, std::int64_t row_bytes,
                      CacheAccess access) {
  const bool write = access == CacheAccess::write;
  // Not to wait for what is no file at all, such as a named pipe.
  const Descriptor descriptor(
      open(path.c_str(), (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (descriptor.get() < 0 || fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      status.st_size < static_cast<off_t>(sizeof(CacheHeader))) {
    return nullptr;
  }
  MappedCache file =
      map(descriptor.get(), status.st_size, write ? PROT_READ | PROT_WRITE : PROT_READ, path);
  if (!file) return nullptr;
  const CacheHeader& header = file->header();
  const bool ours = header.magic == CacheHeader().magic &&
                    header.version == CacheHeader().version && header.row_bytes == row_bytes &&
                    sizes_fit(header, status.st_size) && file->key() == key &&
                    (header.complete == 0 || header.index_crc == file->index_crc());
  return ours ? file : nullptr;
}

NewCache::NewCache(fs::path path, CacheHeader header, std::string_view key, std::string_view paths)
    : path_(std::move(path)),
      descriptor_(open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644)) {
  header.key_bytes = static_cast<std::int64_t>(key.size());
  header.path_bytes = static_cast<std::int64_t>(paths.size());
  const Layout layout = layout_of(header);
  size_ = layout.end;
  if (descriptor_.get() < 0) throw cache_failure(path_, errno, size_);
  const int error = reserve(descriptor_.get(), size_);
  if (error != 0) fail(error);
  file_ = map(descriptor_.get(), size_, PROT_READ | PROT_WRITE, path_);
  if (!file_) fail(errno);
  file_->header() = header;
  auto* const bytes = reinterpret_cast<char*>(&file_->header());
  key.copy(bytes + layout.key, key.size());
  paths.copy(bytes + layout.paths, paths.size());
}

void NewCache::fail(int error) const {
  std::error_code ignored;
  fs::remove(path_, ignored);
  throw cache_failure(path_, error, size_);
}

void NewCache::write_row(std::int64_t index, const std::uint8_t* row) const {
  std::int64_t place = file_->row_place(index);
  const std::int64_t end = place + file_->header().row_bytes;
  while (place < end) {
    const ssize_t count =
        pwrite(descriptor_.get(), row, static_cast<std::size_t>(end - place), place);
    if (count < 0 && errno != EINTR) fail(errno);
    if (count < 0) continue;
    place += count;
    row += count;
  }
}

void NewCache::start_flush() const {
  sync_file_range(descriptor_.get(), 0, size_, SYNC_FILE_RANGE_WRITE);
}

MappedCache NewCache::complete(const fs::path& whole) {
  CacheHeader& header = file_->header();
  header.index_crc = file_->index_crc();
  header.complete = 1;
  const auto size = static_cast<std::size_t>(size_);
  if (fsync(descriptor_.get()) != 0 || rename(path_.c_str(), whole.c_str()) != 0) fail(errno);
  forget_map(&header);  // under its old name
  note_map(&header, size_, whole);
  mprotect(&header, size, PROT_READ);
  return std::move(file_);
}

void advise(const CacheFile& file) {
  madvise(&file.header(), static_cast<std::size_t>(file.size()),
          file.size() < usable_memory() / 2 ? MADV_WILLNEED : MADV_RANDOM);
}

CacheLock::CacheLock(const fs::path& path) : descriptor_(open_lock(path)) {
  if (descriptor_.get() >= 0) take();
}

CacheLock::CacheLock(const fs::path& path, const std::function<void()>& waiting)
    : descriptor_(open_lock(path)) {
  if (descriptor_.get() < 0) throw cache_failure(path, errno, 0);
  constexpr auto kBetweenLooks = std::chrono::milliseconds(100);
  while (!take()) {
    waiting();
    std::this_thread::sleep_for(kBetweenLooks);
  }
}

bool CacheLock::take() {
  int code = flock(descriptor_.get(), LOCK_EX | LOCK_NB);
  while (code != 0 && errno == EINTR) code = flock(descriptor_.get(), LOCK_EX | LOCK_NB);
  held_ = code == 0;
  return held_ || errno != EWOULDBLOCK;
}

void explain_lost_caches() {
  struct sigaction action {};
  action.sa_sigaction = say_lost_map;
  action.sa_flags = SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  sigaction(SIGBUS, &action, nullptr);
}

std::uint32_t crc_of(const void* bytes, std::int64_t size) {
  return static_cast<std::uint32_t>(
      crc32_z(0, static_cast<const Bytef*>(bytes), static_cast<std::size_t>(size)));
}

}  // namespace dcgan
