// Runs the program as a user does: arguments in, exit code and both streams out. No shell.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/file.h"
#include "support/temp_folder.h"

namespace dcgan::testing {

struct ProgramResult {
  int exit_code = -1;      ///< 128 + the signal's number where a signal ended it; -1: time was up
  bool timed_out = false;  ///< it was killed at the time limit
  std::string out;
  std::string err;
};

struct ProgramOptions {
  std::filesystem::path folder = ".";  ///< where it runs
  std::chrono::seconds limit{60};
  std::vector<std::pair<std::string, std::string>> environment;  ///< on top of the test's own
  std::string program = DCGAN_PROGRAM;
};

/// A program that runs beside the test, for tests that send it signals. It is killed when the
/// object goes.
class RunningProgram {
 public:
  explicit RunningProgram(const std::vector<std::string>& arguments, ProgramOptions options = {})
      : options_(std::move(options)), deadline_(Clock::now() + options_.limit) {
    std::vector<char*> argv{options_.program.data()};
    std::vector<std::string> copies = arguments;
    for (std::string& copy : copies) argv.push_back(copy.data());
    argv.push_back(nullptr);
    const std::string out = (streams_ / "out").string();
    const std::string err = (streams_ / "err").string();
    // What the parent's streams hold must not be written twice.
    std::fflush(nullptr);
    child_ = fork();
    if (child_ < 0) throw std::runtime_error("cannot fork");
    if (child_ == 0) {
      const bool ready = redirect("/dev/null", O_RDONLY, STDIN_FILENO) &&
                         redirect(out, O_WRONLY | O_CREAT, STDOUT_FILENO) &&
                         redirect(err, O_WRONLY | O_CREAT, STDERR_FILENO) &&
                         chdir(options_.folder.c_str()) == 0;
      for (const auto& [name, value] : options_.environment) setenv(name.c_str(), value.c_str(), 1);
      if (ready) execv(argv[0], argv.data());
      _exit(127);
    }
  }
  ~RunningProgram() {
    if (child_ > 0) {
      kill(child_, SIGKILL);
      waitpid(child_, nullptr, 0);
    }
  }
  RunningProgram(const RunningProgram&) = delete;
  RunningProgram& operator=(const RunningProgram&) = delete;

  void send(int signal_number) const {
    if (child_ > 0) kill(child_, signal_number);
  }
  /// What it has written so far.
  std::string out() const { return text_of("out"); }
  std::string err() const { return text_of("err"); }
  /// False once it has ended, or when its time is up.
  bool is_running() {
    if (child_ <= 0) return false;
    int status = 0;
    const pid_t ended = waitpid(child_, &status, WNOHANG);
    if (ended == child_) {
      child_ = 0;
      result_.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
      return false;
    }
    if (Clock::now() < deadline_) return true;
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
    child_ = 0;
    result_.timed_out = true;
    return false;
  }
  ProgramResult wait() {
    while (is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(2));
    result_.out = out();
    result_.err = err();
    return result_;
  }

 private:
  using Clock = std::chrono::steady_clock;

  static bool redirect(const std::string& path, int flags, int target) {
    const int file = open(path.c_str(), flags, 0600);
    return file >= 0 && dup2(file, target) == target;
  }
  std::string text_of(const std::string& name) const {
    const std::filesystem::path path = streams_ / name;
    // The child makes the files: right after the fork they may not be there yet.
    return std::filesystem::exists(path) ? read_file(path) : "";
  }

  ProgramOptions options_;
  Clock::time_point deadline_;
  TempFolder streams_;
  pid_t child_ = -1;
  ProgramResult result_;
};

inline ProgramResult run_program(const std::vector<std::string>& arguments,
                                 const ProgramOptions& options = {}) {
  return RunningProgram(arguments, options).wait();
}

}  // namespace dcgan::testing
