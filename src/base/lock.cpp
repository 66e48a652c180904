#include "base/lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

namespace dcgan {
namespace {

/// Its number, or -1. A new one is not made where a link leads.
int open_lock(const char* path) {
  const int descriptor = ::open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (descriptor >= 0 || errno != ENOENT) return descriptor;
  return ::open(path, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
}

}  // namespace

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
