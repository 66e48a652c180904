// The one exception a user can cause.
//
// An `Error` is data: where (a file, a line, a key), what is wrong, and what to do about it. It is
// made where the problem is found, `throw failure("is cut short").in(path).remedy("copy it
// again")`, and printed in one place, as text or as JSON. What only a bug can cause stays a
// TORCH_CHECK or an assertion.
#pragma once

#include <exception>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace dcgan {

enum class ErrorKind {
  usage,    ///< the command line or the configuration is wrong: exit code 2
  failure,  ///< a file or a run failed: exit code 1
  damaged,  ///< a file's content is broken, and another copy of it would do: exit code 1
  stopped,  ///< Ctrl-C or SIGTERM ended it: exit code 130
};

inline constexpr int kExitStopped = 130;  ///< as shells say of SIGINT

class Error : public std::exception {
 public:
  /// `problem` is a sentence without its where: "is cut short".
  Error(ErrorKind kind, std::string problem);

  /// Where it is: a file or folder, or an option such as "--set"; `line` counts from 1, 0 is none.
  Error& in(const std::filesystem::path& where, int line = 0);
  /// The configuration's key that is at fault. `problem` names it too where a reader needs it.
  Error& key(std::string key);
  /// What to do about it: "lower train.batch_size".
  Error& remedy(std::string remedy);
  /// A further problem of the same kind, found on the same way: configurations tell all of theirs.
  Error& also(Error other);

  ErrorKind kind() const { return kind_; }
  int exit_code() const;
  const std::string& where() const { return where_; }
  int line() const { return line_; }
  const std::string& key() const { return key_; }
  const std::string& problem() const { return problem_; }
  const std::string& remedy() const { return remedy_; }
  const std::vector<Error>& others() const { return others_; }

  /// "where:line: problem".
  std::string summary() const;
  /// "where:line: problem; remedy", and the others' on lines of their own.
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  Error& changed();

  ErrorKind kind_;
  std::string where_;
  int line_ = 0;
  std::string key_;
  std::string problem_;
  std::string remedy_;
  std::vector<Error> others_;
  std::string text_;
};

/// The command line or the configuration is wrong.
inline Error usage_error(std::string problem) { return {ErrorKind::usage, std::move(problem)}; }

/// A file could not be read or written, or a run could not go on.
inline Error failure(std::string problem) { return {ErrorKind::failure, std::move(problem)}; }

/// What a file holds is not what was written into it.
inline Error damaged(std::string problem) { return {ErrorKind::damaged, std::move(problem)}; }

/// The user ended it; `problem` says what was kept.
inline Error stopped(std::string problem) { return {ErrorKind::stopped, std::move(problem)}; }

}  // namespace dcgan
