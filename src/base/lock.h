// Locks between processes.
#pragma once

#include <filesystem>

#include "base/descriptor.h"

namespace dcgan {

/// A lock of a folder, or of a file, which is made where nothing is there. It ends with the object
/// or its process.
class FileLock {
 public:
  /// Tries once.
  explicit FileLock(const std::filesystem::path& path);

  /// Tries again. True once the lock is held.
  bool try_lock();

  /// Another process has it. Where there can be no lock, as on some network file systems and in a
  /// folder that is read-only, it is neither held nor busy.
  bool busy() const { return state_ == State::busy; }
  bool held() const { return state_ == State::held; }

 private:
  enum class State { none, busy, held };

  Descriptor descriptor_;
  State state_ = State::none;
};

}  // namespace dcgan
