#include "cli/load_commands.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
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

constexpr const char* kLibrary = "libdcgan_commands.so";

fs::path find_library() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  if (error) {
    throw failure(fmt::format("cannot find {}: /proc/self/exe: {}", kLibrary, error.message()));
  }
  const fs::path built = program.parent_path() / kLibrary;
  const fs::path installed = program.parent_path().parent_path() / "lib" / "dcgan" / kLibrary;
  for (const fs::path& path : {built, installed}) {
    if (fs::exists(path, error)) return path;
  }
  throw failure(
      fmt::format("{} is missing: neither {}\nnor {} is there; build or install dcgan again",
                  kLibrary, built.string(), installed.string()));
}

/// libgomp's idle threads spin before they sleep: by default for ten milliseconds, which is lost to
/// the others where a process competes for the cores. A third of one bridges what lies between two
/// of a training's loops, and costs little beside a busy process (docs/performance.md). A user's
/// own choice stays. libgomp reads all this once, while it is loaded.
void set_up_openmp(const LoadOptions& options) {
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) {
    setenv("GOMP_SPINCOUNT", options.idle_threads == IdleThreads::spin ? "10000" : "0", 0);
  }
  // LibTorch's own default is another number, and changing it later starts threads that nobody
  // needs.
  const bool asked_for = options.threads > 0;
  const std::int64_t threads = asked_for ? options.threads : usable_cores();
  setenv("OMP_NUM_THREADS", std::to_string(threads).c_str(), asked_for ? 1 : 0);
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
    throw failure(fmt::format(
        "LibTorch needs {} of {}{}, and {} allows {}; raise that limit{}", format_bytes(needed),
        limit.of,
        limit.a_thread == 0 ? ""
                            : fmt::format(" with {} thread{}", threads, threads == 1 ? "" : "s"),
        limit.name, format_bytes(*limit.bytes),
        !one_would_do       ? ""
        : asked_for_threads ? ", or use --threads 1"
                            : ", or set OMP_NUM_THREADS=1"));
  }
}

}  // namespace

RunCommand load_run_command(const LoadOptions& options) {
  set_up_openmp(options);
  check_memory_limits(options.threads > 0);
  const fs::path path = find_library();
  void* const library =
      dlopen(path.c_str(), (options.binding == Binding::now ? RTLD_NOW : RTLD_LAZY) | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = dlerror();
    const std::string limits = describe_memory_limits();
    throw failure(fmt::format("{} cannot be loaded: {}\nscripts/setup.sh installs what it needs{}",
                              path.string(), why == nullptr ? "unknown reason" : why,
                              limits.empty() ? "" : "; this process may have " + limits));
  }
  void* const symbol = dlsym(library, kRunCommandSymbol);
  if (symbol == nullptr) {
    throw failure(
        fmt::format("{} belongs to another version of dcgan (it has no {}); build or "
                    "install dcgan again",
                    path.string(), kRunCommandSymbol));
  }
  return reinterpret_cast<RunCommand>(symbol);
}

}  // namespace dcgan::cli
