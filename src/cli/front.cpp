// The program `dcgan`: parses, answers what needs no LibTorch, and starts the core for the rest.
// So `--help` and a mistyped key answer at once, and what LibTorch and OpenMP read while they are
// loaded stands in the environment.
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <string>

#include "base/launcher.h"
#include "base/system_limits.h"
#include "cli/commands.h"
#include "cli/processes.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Beside the front, in a build as in an installation: PREFIX/bin and PREFIX/lib.
fs::path find_core() {
  return fs::read_symlink("/proc/self/exe").parent_path().parent_path() / "lib/dcgan/dcgan-core";
}

/// Leaves this process its share of the cores where others on this machine have theirs: two that
/// move about get into each other's way at each collective.
void take_share_of_cores(const Launch& launch) {
  const std::int64_t cores = affinity_cores();
  const bool has_share = launch.launcher_shares_cores && cores < sysconf(_SC_NPROCESSORS_ONLN);
  if (has_share || launch.local_size == 1 || cores < launch.local_size) return;
  cpu_set_t all;
  cpu_set_t own;
  CPU_ZERO(&own);
  sched_getaffinity(0, sizeof(all), &all);
  const std::int64_t share = cores / launch.local_size;
  std::int64_t place = 0;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &all) && place++ / share == launch.local_rank) CPU_SET(core, &own);
  }
  sched_setaffinity(0, sizeof(own), &own);
}

/// libgomp's idle threads spin before they sleep: by default for ten milliseconds, which is lost to
/// the others where a process competes for the cores. A third of one bridges what lies between two
/// of a training's loops, and costs little beside a busy process (docs/performance.md). A user's
/// own choice stays. libgomp reads all this once, while it is loaded.
void set_environment(const Startup& startup) {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
    setenv("GOMP_SPINCOUNT", startup.is_training ? "10000" : "0", 0);
  }
  // LibTorch's own default is another number, and changing it later starts threads that nobody
  // needs.
  const bool asked_for = startup.threads > 0;
  const Launch launch = read_launch();
  if (!asked_for) take_share_of_cores(launch);
  const std::int64_t threads = asked_for ? startup.threads : usable_cores();
  // torchrun sets 1 where nobody has said how many.
  const bool by_torchrun = std::getenv("TORCHELASTIC_RUN_ID") != nullptr && launch.size > 1;
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), asked_for || by_torchrun ? 1 : 0);
  // Of connections that are tried again; what fails for good is told by dcgan.
  for (const char* const level : {"TORCH_CPP_LOG_LEVEL", "GLOG_minloglevel"}) {
    if (launch.size > 1) setenv(level, "3", 0);
  }
  // Another LibTorch that lacks a function is refused before hours of work, not after.
  if (startup.is_training) setenv("LD_BIND_NOW", "1", 0);
}

/// Replaces this process by dcgan-core with the same arguments. Throws `failure` where it is
/// missing.
[[noreturn]] void start_core(const Startup& startup, char** argv) {
  set_environment(startup);
  const fs::path core = find_core();
  execv(core.c_str(), argv);
  throw failure(fmt::format("cannot be started: {}", std::strerror(errno)))
      .in(core)
      .remedy("build or install dcgan again");
}

/// A closed standard stream would give its number to the next file opened, and its text too.
void open_standard_streams() {
  int descriptor = 0;
  do {
    descriptor = open("/dev/null", O_RDWR);
  } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
  if (descriptor >= 0) close(descriptor);
}

int run(int argc, char** argv) {
  return dispatch(
      argc, argv,
      [argv](auto& command) -> int {
        if constexpr (requires { command.run_in_front(); }) {
          return command.run_in_front();
        } else {
          const Startup startup = command.startup();
          if (startup.processes == 1) start_core(startup, argv);
          return run_processes(startup.processes, [&] { start_core(startup, argv); });
        }
      },
      [argv](const CommandLine& line) -> int {
        if (line.is_version) {
          std::cout << "dcgan " DCGAN_VERSION << std::endl;
          start_core({}, argv);
        }
        (line.is_help_asked_for ? std::cout : std::cerr) << line.help;
        return line.is_help_asked_for ? 0 : 2;
      });
}

}  // namespace
}  // namespace dcgan::cli

int main(int argc, char** argv) {
  namespace cli = dcgan::cli;
  cli::open_standard_streams();
  // A file that grows past `ulimit -f` is an error with a message, not a death by signal;
  // `train 2>&1 | head` loses the text, not the run. The core inherits both.
  std::signal(SIGXFSZ, SIG_IGN);
  std::signal(SIGPIPE, SIG_IGN);
  cli::leave(cli::run_program(argc, argv, [&] { return cli::run(argc, argv); }));
}
