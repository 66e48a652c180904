// The one exception a user can cause.
//
// `Error` carries a message written for the person at the keyboard: what is wrong, where (file,
// line, key), and what to do about it. It is caught once, in `main`, which prints it and exits with
// `exit_code()`. What only a bug can cause stays a TORCH_CHECK or an assertion.
#pragma once

#include <stdexcept>
#include <string>

namespace dcgan {

enum class ErrorKind {
  usage,    ///< the command line or the configuration is wrong: exit code 2
  failure,  ///< a file or a run failed: exit code 1
  damaged,  ///< a file's content is broken, and another copy of it would do: exit code 1
  stopped,  ///< Ctrl-C or SIGTERM ended it: exit code 130
};

inline constexpr int kExitStopped = 130;  ///< as shells say of SIGINT

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  ErrorKind kind() const { return kind_; }
  int exit_code() const {
    switch (kind_) {
      case ErrorKind::usage:
        return 2;
      case ErrorKind::failure:
      case ErrorKind::damaged:
        break;
      case ErrorKind::stopped:
        return kExitStopped;
    }
    return 1;
  }

 private:
  ErrorKind kind_;
};

/// The command line or the configuration is wrong.
inline Error usage_error(const std::string& message) { return {ErrorKind::usage, message}; }

/// A file could not be read or written, or a run could not go on.
inline Error failure(const std::string& message) { return {ErrorKind::failure, message}; }

/// What a file holds is not what was written into it.
inline Error damaged(const std::string& message) { return {ErrorKind::damaged, message}; }

/// The user ended it; `message` says what was kept.
inline Error stopped(const std::string& message) { return {ErrorKind::stopped, message}; }

}  // namespace dcgan
