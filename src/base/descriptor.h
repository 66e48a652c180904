// File descriptors that are closed.
#pragma once

#include <unistd.h>

#include <utility>

namespace dcgan {

/// A file descriptor that is closed once. A negative number is none.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return value_; }
  /// False, with errno, where the file system reports a late error.
  bool close() { return value_ < 0 || ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

}  // namespace dcgan
