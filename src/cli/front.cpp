// The program `dcgan`: parses, answers what needs no LibTorch, and starts the core for the rest.
// So `--help` and a mistyped key answer at once, and what LibTorch and OpenMP read while they are
// loaded stands in the environment.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>

#include "base/launcher.h"
#include "base/system_limits.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/processes.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Beside the front, in a build as in an installation: PREFIX/bin and PREFIX/lib.
fs::path find_core() {
  std::error_code error;
  const fs::path front = fs::read_symlink("/proc/self/exe", error);
  if (error) throw failure(error.message()).in("/proc/self/exe").remedy("mount /proc");
  return front.parent_path().parent_path() / "lib" / "dcgan" / "dcgan-core";
}

/// The share of one of several processes on this machine.
std::int64_t cores_of(const Launch& launch) {
  const bool is_bound =
      launch.launcher_shares_cores && affinity_cores() < sysconf(_SC_NPROCESSORS_ONLN);
  return is_bound ? usable_cores() : std::max<std::int64_t>(1, usable_cores() / launch.local_size);
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
  const Launch launch = startup.is_training ? read_launch() : Launch();
  const std::int64_t threads = asked_for ? startup.threads : cores_of(launch);
  // torchrun sets 1 where nobody has said how many.
  const bool by_torchrun = std::getenv("TORCHELASTIC_RUN_ID") != nullptr && launch.size > 1;
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), asked_for || by_torchrun ? 1 : 0);
  // Of connections that are tried again; what fails for good is told by dcgan.
  if (launch.size > 1) setenv("TORCH_CPP_LOG_LEVEL", "FATAL", 0);
  // Another LibTorch that lacks a function is refused before hours of work, not after.
  if (startup.is_training) setenv("LD_BIND_NOW", "1", 0);
}

/// Refuses what could not even load LibTorch. Its static objects would end the process, and
/// OpenBLAS, which takes a buffer for each thread then, would ask for it for ever.
void check_memory_limits(bool asked_for_threads) {
  constexpr std::int64_t kMebibyte = 1 << 20;
#ifdef DCGAN_TORCH_WHEEL  // MKL takes its buffers later, and does without where it gets none
  constexpr std::int64_t kAddressSpace = 448;
  constexpr std::int64_t kData = 48;
  constexpr std::int64_t kBuffer = 0;
#else
  constexpr std::int64_t kAddressSpace = 592;
  constexpr std::int64_t kData = 82;
  constexpr std::int64_t kBuffer = 128;
#endif
  struct Limit {
    std::optional<std::int64_t> bytes;
    std::int64_t loading;   ///< MiB, measured once LibTorch is loaded: VmPeak, VmData, RssAnon
    std::int64_t a_thread;  ///< MiB
    const char* of;
    const char* name;
  };
  const Limit limits[] = {
      {address_space_limit(), kAddressSpace, kBuffer, "address space", "'ulimit -v'"},
      {data_limit(), kData, kBuffer, "data", "'ulimit -d'"},
      {cgroup_memory_limit(), 48, 0, "memory", "the cgroup"}};
  constexpr std::int64_t kMax = 64;  // threads that Debian's OpenBLAS knows
  const std::int64_t threads = std::min({default_threads(), affinity_cores(), kMax});
  for (const Limit& limit : limits) {
    const std::int64_t needed = kMebibyte * (limit.loading + threads * limit.a_thread);
    if (!limit.bytes || *limit.bytes >= needed) continue;
    // Its products take a further buffer, and there is all else.
    const bool one_would_do =
        threads > 1 && *limit.bytes > kMebibyte * (limit.loading + 3 * limit.a_thread);
    throw failure(
        fmt::format("LibTorch needs {} of {}{}, and {} allows {}", format_bytes(needed), limit.of,
                    limit.a_thread == 0
                        ? ""
                        : fmt::format(" with {} thread{}", threads, threads == 1 ? "" : "s"),
                    limit.name, format_bytes(*limit.bytes)))
        .remedy(fmt::format("raise that limit{}", !one_would_do ? ""
                                                  : asked_for_threads
                                                      ? ", or use --threads 1"
                                                      : ", or set OMP_NUM_THREADS=1"));
  }
}

/// Replaces this process by dcgan-core with the same arguments. Throws `failure` where it is
/// missing, or where a limit leaves LibTorch too little memory to be loaded.
[[noreturn]] void start_core(const Startup& startup, char** argv) {
  set_environment(startup);
  check_memory_limits(startup.threads > 0);
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
