#include "cli/start_core.h"

#include <errno.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <optional>
#include <string>
#include <system_error>

#include "base/cores.h"
#include "base/system_limits.h"
#include "base/text.h"
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
  const std::int64_t threads = asked_for ? startup.threads : usable_cores();
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), asked_for ? 1 : 0);
  // Another LibTorch that lacks a function is refused before hours of work, not after.
  if (startup.is_training) setenv("LD_BIND_NOW", "1", 0);
}

/// Refuses what could not even load LibTorch. Its static objects would end the process, and
/// OpenBLAS, which takes a buffer for each thread then, would ask for it for ever.
void check_memory_limits(bool asked_for_threads) {
  constexpr std::int64_t kMebibyte = 1 << 20;
  struct Limit {
    std::optional<std::int64_t> bytes;
    std::int64_t loading;  ///< measured once LibTorch is loaded: VmPeak, VmData, RssAnon
    std::int64_t a_thread;
    const char* of;
    const char* name;
  };
#ifdef DCGAN_TORCH_WHEEL  // MKL takes its buffers later, and does without where it gets none
  const std::array<Limit, 3> limits{
      {{address_space_limit(), 448 * kMebibyte, 0, "address space", "'ulimit -v'"},
       {data_limit(), 48 * kMebibyte, 0, "data", "'ulimit -d'"},
       {cgroup_memory_limit(), 48 * kMebibyte, 0, "memory", "the cgroup"}}};
#else
  constexpr std::int64_t kBuffer = 128 * kMebibyte;
  const std::array<Limit, 3> limits{
      {{address_space_limit(), 592 * kMebibyte, kBuffer, "address space", "'ulimit -v'"},
       {data_limit(), 82 * kMebibyte, kBuffer, "data", "'ulimit -d'"},
       {cgroup_memory_limit(), 48 * kMebibyte, 0, "memory", "the cgroup"}}};
#endif
  constexpr std::int64_t kMax = 64;  // threads that Debian's OpenBLAS knows
  const std::int64_t threads = std::min({default_threads(), affinity_cores(), kMax});
  for (const Limit& limit : limits) {
    const std::int64_t needed = limit.loading + threads * limit.a_thread;
    if (!limit.bytes || *limit.bytes >= needed) continue;
    // Its products take a further buffer, and there is all else.
    const bool one_would_do = threads > 1 && *limit.bytes > limit.loading + 3 * limit.a_thread;
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

}  // namespace

void start_core(const Startup& startup, char** argv) {
  set_environment(startup);
  check_memory_limits(startup.threads > 0);
  const fs::path core = find_core();
  execv(core.c_str(), argv);
  throw failure(fmt::format("cannot be started: {}", std::strerror(errno)))
      .in(core)
      .remedy("build or install dcgan again");
}

}  // namespace dcgan::cli
