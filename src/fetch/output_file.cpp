#include "fetch/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "base/file.h"

namespace dcgan {

namespace {

// No link is followed: the name is ours, and nobody may point it elsewhere.
constexpr int kFlags = O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
constexpr mode_t kMode = 0666;  // the umask decides, as for any file

}  // namespace

OutputFile::OutputFile(std::filesystem::path path)
    : path_(std::move(path)), descriptor_(::open(path_.c_str(), kFlags, kMode)) {
  if (descriptor_.get() < 0 && errno == ELOOP) {
    throw failure(path_.string() + ": is a link; remove it and try again");
  }
  if (descriptor_.get() < 0) throw write_failure(path_, errno);
  struct stat status {};
  const bool known = ::fstat(descriptor_.get(), &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    throw failure(path_.string() + ": is not a regular file; remove it and try again");
  }
  size_ = status.st_size;
}

void OutputFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor_.get(), bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) throw write_failure(path_, errno);
    if (written <= 0) continue;
    size_ += written;
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

void OutputFile::clear() {
  if (::ftruncate(descriptor_.get(), 0) != 0) throw write_failure(path_, errno);
  size_ = 0;
}

void OutputFile::flush() {
  if (::fsync(descriptor_.get()) != 0 && errno != EINVAL) throw write_failure(path_, errno);
}

void rename_file(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (std::rename(from.c_str(), to.c_str()) != 0) throw write_failure(to, errno);
}

}  // namespace dcgan
