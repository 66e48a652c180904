#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr const char* kTemporaryPrefix = ".dcgan-";
constexpr const char* kTemporaryExtension = ".tmp";

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

struct Meaning {
  int error;
  const char* problem;
  const char* remedy;
};
constexpr Meaning kMeanings[] = {
    {EACCES, "no permission", ""},
    {ENOSPC, "the disk is full", "free some space and try again"},
    {EFBIG, "it would be larger than files may be here", "see 'ulimit -f'"},
    {EEXIST, "a part of its path is a file, not a folder", ""},
    {ENOTDIR, "a part of its path is a file, not a folder", ""},
};

/// A failure in `path`: `what`, and what the error number means to a person, with the remedy.
Error file_failure(const std::string& what, const std::filesystem::path& path, int error) {
  for (const Meaning& meaning : kMeanings) {
    if (meaning.error == error) {
      return failure(what + meaning.problem).in(path).remedy(meaning.remedy);
    }
  }
  return failure(what + std::strerror(error)).in(path);
}

/// 0, or the error number.
int write_all(int descriptor, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) return errno;
    if (written > 0) bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

/// Makes the rename itself last through a power cut. Some network file systems cannot: that is no
/// error.
int flush_folder(const std::filesystem::path& folder) {
  Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0) return errno == EACCES ? 0 : errno;
  if (::fsync(descriptor.get()) != 0 && errno != EINVAL && errno != ENOTSUP) return errno;
  return 0;
}

/// A name that no other writer uses: not another process, and not another thread of this one.
std::filesystem::path temporary_name(const std::filesystem::path& folder) {
  static std::atomic<unsigned> counter{0};
  return folder /
         fmt::format("{}{}-{}{}", kTemporaryPrefix, ::getpid(), counter++, kTemporaryExtension);
}

/// Its number, or -1. A new one is not made where a link leads.
int open_lock(const char* path) {
  const int descriptor = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor >= 0 || errno != ENOENT) return descriptor;
  return ::open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
}

}  // namespace

Error write_failure(const std::filesystem::path& path, int error) {
  if (error != ENOENT) return file_failure("cannot be written: ", path, error);
  const std::string folder = folder_of(path).string();
  return failure(fmt::format("cannot be written: there is no folder '{}'", folder))
      .in(path)
      .remedy("make it first");
}

Error read_failure(const std::filesystem::path& path, int error) {
  if (error == ENOENT) return failure("no such file").in(path);
  return file_failure("cannot be read: ", path, error);
}

std::string read_file(const std::filesystem::path& path) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (descriptor.get() < 0 || ::fstat(descriptor.get(), &status) != 0) {
    throw read_failure(path, errno);
  }
  if (S_ISDIR(status.st_mode)) throw failure("is a folder, not a file").in(path);
  // One byte more: a file that does not grow meanwhile needs no second buffer.
  std::string bytes(static_cast<std::size_t>(status.st_size) + 1, '\0');
  std::size_t size = 0;
  while (true) {
    if (size == bytes.size()) bytes.resize(2 * size + 4096);
    const ssize_t count = ::read(descriptor.get(), bytes.data() + size, bytes.size() - size);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) throw read_failure(path, errno);
    if (count > 0) size += static_cast<std::size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

std::vector<std::string> spellings(const std::string& name) {
  const bool is_gz = name.ends_with(".gz");
  const std::size_t dash = name.rfind("-idx");
  if (!is_gz && dash == std::string::npos) return {name};
  std::string plain = is_gz ? name.substr(0, name.size() - 3) : name;
  std::vector<std::string> names{plain, plain + ".gz"};
  if (dash == std::string::npos) return names;
  plain[dash] = '.';
  names.insert(names.end(), {plain, plain + ".gz"});
  return names;
}

std::filesystem::path find_spelling(const std::string& name, const std::filesystem::path& folder) {
  for (const std::string& spelling : spellings(name)) {
    std::error_code ignored;
    const auto status = std::filesystem::status(folder / spelling, ignored);
    if (status.type() != std::filesystem::file_type::not_found) return folder / spelling;
  }
  return {};
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes, Flush flush) {
  const std::filesystem::path folder = folder_of(path);
  std::filesystem::path name;
  int opened = -1;
  do {  // a killed process of the same number may have left one behind
    name = temporary_name(folder);
    opened = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (opened < 0 && errno == EEXIST);
  if (opened < 0) throw write_failure(path, errno);

  Descriptor descriptor(opened);
  int error = write_all(opened, bytes);
  if (error == 0 && flush == Flush::yes && ::fsync(opened) != 0 && errno != EINVAL) error = errno;
  if (!descriptor.close() && error == 0) error = errno;
  if (error == 0 && std::rename(name.c_str(), path.c_str()) != 0) error = errno;
  if (error != 0) ::unlink(name.c_str());
  if (error == 0 && flush == Flush::yes) error = flush_folder(folder);
  if (error != 0) throw write_failure(path, error);
}

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return;
  throw file_failure("the folder cannot be made: ", path, error.value());
}

void require_folder(const std::filesystem::path& path, const std::string& remedy) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) return;
  const bool is_absent = status.type() == std::filesystem::file_type::not_found;
  throw failure(is_absent ? "no such folder"
                : error   ? error.message()
                          : "is not a folder")
      .in(path)
      .remedy(remedy);
}

std::map<std::int64_t, std::filesystem::path> numbered_files(const std::filesystem::path& folder,
                                                             const std::string& ending) {
  std::map<std::int64_t, std::filesystem::path> files;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const auto number = parse_integer(entry.path().stem().string());
    if (number && entry.path().extension() == ending) files.emplace(*number, entry.path());
  }
  return files;
}

bool is_non_empty_folder(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored) && !std::filesystem::is_empty(path, ignored);
}

void remove_stale_temporaries(const std::filesystem::path& folder) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kTemporaryPrefix, 0) == 0 && entry.path().extension() == kTemporaryExtension) {
      std::filesystem::remove(entry.path(), ignored);
    }
  }
}

FileLock::FileLock(const std::filesystem::path& path) : descriptor_(open_lock(path.c_str())) {
  try_lock();
}

bool FileLock::try_lock() {
  if (descriptor_.get() < 0) return false;
  const bool locked = ::flock(descriptor_.get(), LOCK_EX | LOCK_NB) == 0;
  const bool taken = errno == EWOULDBLOCK || errno == EINTR;
  state_ = locked ? State::held : taken ? State::busy : State::none;
  return locked;
}

}  // namespace dcgan
