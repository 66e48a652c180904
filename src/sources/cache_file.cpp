#include "sources/cache_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/system_limits.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "sources/npy.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// Of the same size for any number of rows.
std::string header_of(const RowFormat& format, std::int64_t rows) {
  return npy_header({rows, format.channels, format.height, format.width});
}

}  // namespace

NewCache::NewCache(fs::path path, const RowFormat& format, std::int64_t max_rows)
    : path_(std::move(path)), format_(format), max_rows_(max_rows), descriptor_([this] {
        remove();
        return open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
      }()) {
  if (descriptor_.get() < 0) fail(errno);
  int error = EINTR;
  while (error == EINTR) error = posix_fallocate(descriptor_.get(), 0, place(max_rows));
  if (error != 0) fail(error);
}

void NewCache::append(const std::uint8_t* row) { write(place(rows_++), row, format_.bytes()); }

void NewCache::complete(const fs::path& whole) {
  const std::string header = header_of(format_, rows_);
  write(0, header.data(), static_cast<std::int64_t>(header.size()));
  if (ftruncate(descriptor_.get(), place(rows_)) != 0 || fsync(descriptor_.get()) != 0 ||
      rename(path_.c_str(), whole.c_str()) != 0) {
    fail(errno);
  }
  path_.clear();
}

std::int64_t NewCache::place(std::int64_t row) const {
  return static_cast<std::int64_t>(header_of(format_, row).size()) + row * format_.bytes();
}

void NewCache::write(std::int64_t place, const void* bytes, std::int64_t size) const {
  const auto* const from = static_cast<const std::uint8_t*>(bytes);
  for (std::int64_t done = 0; done < size;) {
    const ssize_t count =
        pwrite(descriptor_.get(), from + done, static_cast<std::size_t>(size - done), place + done);
    if (count < 0 && errno != EINTR) fail(errno);
    if (count > 0) done += count;
  }
}

void NewCache::remove() const {
  if (!path_.empty()) unlink(path_.c_str());
}

void NewCache::fail(int error) const {
  remove();
  throw failure(fmt::format("{}, and the decoded images take {}",
                            write_failure(path_, error).problem(), format_bytes(place(max_rows_))))
      .in(path_)
      .remedy("set data.cache to another folder, or to none");
}

std::shared_ptr<const std::uint8_t> map_rows(const fs::path& path, const RowFormat& format,
                                             std::int64_t rows) {
  const std::string header = header_of(format, rows);
  const std::size_t size = header.size() + static_cast<std::size_t>(rows * format.bytes());
  // Not to wait for what is no file at all, such as a named pipe.
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (descriptor.get() < 0 || fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::size_t>(status.st_size) != size) {
    return nullptr;
  }
  void* const data = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (data == MAP_FAILED) throw read_failure(path, errno);
  const auto unmap = [data, size](const std::uint8_t*) { munmap(data, size); };
  const std::shared_ptr<const std::uint8_t> file(static_cast<const std::uint8_t*>(data), unmap);
  if (!std::equal(header.begin(), header.end(), static_cast<const char*>(data))) return nullptr;
  // The order of training is random: what takes half of the memory is not read ahead.
  const auto half = static_cast<std::size_t>(usable_memory() / 2);
  madvise(data, size, size < half ? MADV_WILLNEED : MADV_RANDOM);
  return {file, file.get() + header.size()};
}

}  // namespace dcgan
