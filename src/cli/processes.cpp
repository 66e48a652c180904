#include "cli/processes.h"

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "base/launcher.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

std::vector<pid_t> children;  ///< for forward()

void forward(int signal) {
  for (const pid_t child : children) kill(child, signal);
}

void set_place(std::int64_t rank, std::int64_t count, std::int64_t port) {
  const auto set = [](const char* name, const std::string& value) {
    setenv(name, value.c_str(), /*overwrite=*/1);
  };
  set("RANK", std::to_string(rank));
  set("WORLD_SIZE", std::to_string(count));
  set("LOCAL_RANK", std::to_string(rank));
  set("LOCAL_WORLD_SIZE", std::to_string(count));
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", std::to_string(port));
}

int exit_code_of(int status) {
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  std::fputs(fmt::format("dcgan: a process was ended by signal {} ({})\n", WTERMSIG(status),
                         strsignal(WTERMSIG(status)))
                 .c_str(),
             stderr);
  return 1;
}

}  // namespace

int run_processes(std::int64_t count, const std::function<void()>& become) {
  const std::int64_t port = free_port();
  for (std::int64_t rank = 0; rank < count; ++rank) {
    const pid_t child = fork();
    if (child == 0) {
      prctl(PR_SET_PDEATHSIG, SIGTERM);
      set_place(rank, count, port);
      become();
    }
    if (child < 0) {
      const int error = errno;
      forward(SIGTERM);
      throw failure(
          fmt::format("process {} of {} can't be started: {}", rank, count, std::strerror(error)))
          .remedy("lower --processes");
    }
    children.push_back(child);
  }
  // A terminal's Ctrl-C reaches the children by itself: here it must only not end the waiting.
  std::signal(SIGINT, [](int) {});
  std::signal(SIGTERM, forward);
  std::signal(SIGHUP, forward);
  int exit_code = 0;
  for (std::size_t ended = 0; ended < children.size();) {
    int status = 0;
    if (wait(&status) < 0) continue;  // a signal
    ++ended;
    const int code = exit_code_of(status);
    if (exit_code == 0) exit_code = code;
  }
  return exit_code;
}

}  // namespace dcgan::cli
