#include "base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <stdexcept>
#include <system_error>
#include <utility>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr const char* kTemporaryPrefix = ".dcgan-";
constexpr const char* kTemporaryExtension = ".tmp";

/// Removes the temporary file unless it has been renamed.
class TemporaryName {
 public:
  explicit TemporaryName(std::filesystem::path path) : path_(std::move(path)) {}
  ~TemporaryName() {
    if (!renamed_) ::unlink(path_.c_str());
  }
  TemporaryName(const TemporaryName&) = delete;
  TemporaryName& operator=(const TemporaryName&) = delete;

  bool rename_to(const std::filesystem::path& target) {
    renamed_ = std::rename(path_.c_str(), target.c_str()) == 0;
    return renamed_;
  }

 private:
  std::filesystem::path path_;
  bool renamed_ = false;
};

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

/// The first folder on the way to `path` that may not be entered; none where all may.
std::filesystem::path closed_folder(const std::filesystem::path& path) {
  std::filesystem::path folder;
  for (const std::filesystem::path& part : path.parent_path()) {
    folder /= part;
    const bool open = ::faccessat(AT_FDCWD, folder.c_str(), X_OK, AT_EACCESS) == 0;
    if (!open && errno == EACCES) return folder;
  }
  return {};
}

/// What an error number of `path` means to a person, with the remedy.
std::string reason(const std::filesystem::path& path, int error) {
  switch (error) {
    case EACCES:
    case EPERM: {
      const std::filesystem::path closed = closed_folder(path);
      if (closed.empty()) return "no permission";
      return fmt::format("no permission to enter the folder {} ('chmod +x' gives it)",
                         closed.string());
    }
    case ENOSPC:
    case EDQUOT:
      return "the disk is full; free some space and try again";
    case EROFS:
      return "the file system is read-only";
    case EFBIG:
      return "it would be larger than files may be here (see 'ulimit -f')";
    case EMFILE:
      return "too many files are open (see 'ulimit -n')";
    case EISDIR:
      return "it is a folder";
    case EEXIST:
    case ENOTDIR:
      return "a part of its path is a file, not a folder";
    default:
      return std::strerror(error);
  }
}

/// That there is no `kind` at `path`: "no such file", or a link to nowhere.
std::string absence(const std::filesystem::path& path, std::string_view kind) {
  std::error_code ignored;
  const std::filesystem::path target = std::filesystem::read_symlink(path, ignored);
  if (target.empty()) return fmt::format("no such {}", kind);
  return fmt::format("is a link to {}, which is not there", target.string());
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

}  // namespace

Error write_failure(const std::filesystem::path& path, int error) {
  const std::string why = error == ENOENT ? fmt::format("there is no folder '{}'; make it first",
                                                        folder_of(path).string())
                                          : reason(path, error);
  return failure(fmt::format("{}: cannot be written: {}", path.string(), why));
}

Error read_failure(const std::filesystem::path& path, int error) {
  if (error == ENOENT) return failure(fmt::format("{}: {}", path.string(), absence(path, "file")));
  return failure(fmt::format("{}: cannot be read: {}", path.string(), reason(path, error)));
}

namespace {

/// Throws where `path` can't be looked at or is a folder.
struct stat status_of(int descriptor, const std::filesystem::path& path) {
  struct stat status {};
  if (::fstat(descriptor, &status) != 0) throw read_failure(path, errno);
  if (S_ISDIR(status.st_mode)) {
    throw failure(fmt::format("{}: is a folder, not a file", path.string()));
  }
  return status;
}

/// What `descriptor` gives to its end, about `expected` bytes; it stops behind `most`.
std::string read_whole(int descriptor, const std::filesystem::path& path, std::size_t expected,
                       std::size_t most = std::numeric_limits<std::size_t>::max()) {
  // One byte more: a file that does not grow meanwhile needs no second buffer.
  std::string bytes(expected + 1, '\0');
  std::size_t size = 0;
  while (size <= most) {
    if (size == bytes.size()) bytes.resize(2 * size + 4096);
    const ssize_t count = ::read(descriptor, bytes.data() + size, bytes.size() - size);
    if (count == 0) break;
    if (count < 0 && errno != EINTR) throw read_failure(path, errno);
    if (count > 0) size += static_cast<std::size_t>(count);
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) throw read_failure(path, errno);
  const struct stat status = status_of(descriptor.get(), path);
  if (!S_ISREG(status.st_mode)) {
    throw failure(
        fmt::format("{}: is not a regular file; write what it gives into one", path.string()));
  }

  try {
    return read_whole(descriptor.get(), path, static_cast<std::size_t>(status.st_size));
  } catch (const std::bad_alloc&) {
  } catch (const std::length_error&) {
  }
  throw failure(fmt::format("{}: has {}, more than there is memory for", path.string(),
                            format_bytes(status.st_size)));
}

std::optional<std::string> read_up_to(const std::filesystem::path& path, std::size_t most) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) throw read_failure(path, errno);
  status_of(descriptor.get(), path);
  std::string bytes = read_whole(descriptor.get(), path, 0, most);
  if (bytes.size() > most) return std::nullopt;
  return bytes;
}

void write_file_atomically(const std::filesystem::path& path, std::string_view bytes, Flush flush) {
  const std::filesystem::path folder = folder_of(path);
  std::filesystem::path name = temporary_name(folder);
  constexpr int kFlags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC;
  constexpr mode_t kMode = 0666;  // the umask decides, as for any file
  int opened = ::open(name.c_str(), kFlags, kMode);
  while (opened < 0 && errno == EEXIST) {  // left behind by a killed process of the same number
    name = temporary_name(folder);
    opened = ::open(name.c_str(), kFlags, kMode);
  }
  Descriptor descriptor(opened);
  if (opened < 0) throw write_failure(path, errno);

  TemporaryName temporary(name);
  if (const int error = write_all(descriptor.get(), bytes)) throw write_failure(path, error);
  if (flush == Flush::yes && ::fsync(descriptor.get()) != 0 && errno != EINVAL) {
    throw write_failure(path, errno);
  }
  if (!descriptor.close()) throw write_failure(path, errno);
  if (!temporary.rename_to(path)) throw write_failure(path, errno);
  if (flush == Flush::no) return;
  if (const int error = flush_folder(folder)) throw write_failure(path, error);
}

void make_folder(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return;
  throw failure(
      fmt::format("{}: the folder cannot be made: {}", path.string(), reason(path, error.value())));
}

void require_folder(const std::filesystem::path& path, const std::string& remedy) {
  std::error_code error;
  const std::filesystem::file_status status = std::filesystem::status(path, error);
  if (std::filesystem::is_directory(status)) return;
  const std::string what = std::filesystem::exists(status) ? "is not a folder"
                           : status.type() == std::filesystem::file_type::not_found
                               ? absence(path, "folder")
                               : reason(path, error.value());
  throw failure(fmt::format("{}: {}; {}", path.string(), what, remedy));
}

bool is_non_empty_folder(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::directory_iterator entries(path, error);
  return !error && entries != std::filesystem::directory_iterator();
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

LineFile::LineFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC)) {
  if (descriptor_.get() < 0) throw write_failure(path_, errno);
}

void LineFile::append(std::string_view line) {
  std::string bytes(line);
  bytes += '\n';
  const int error = write_all(descriptor_.get(), bytes);
  if (error != 0) throw write_failure(path_, error);
}

}  // namespace dcgan
