// Root may read and write everything: a test of permissions gives that up for a while.
#pragma once

#include <unistd.h>

namespace dcgan::testing {

/// Lets a test that runs as root act as nobody until the object goes. Folders that mkdtemp made
/// must be opened to others for it.
class Unprivileged {
 public:
  Unprivileged() : was_root_(geteuid() == 0 && seteuid(kNobody) == 0) {}
  ~Unprivileged() {
    if (was_root_ && seteuid(0) != 0) _exit(1);
  }
  Unprivileged(const Unprivileged&) = delete;
  Unprivileged& operator=(const Unprivileged&) = delete;

 private:
  static constexpr uid_t kNobody = 65534;
  bool was_root_;
};

}  // namespace dcgan::testing
