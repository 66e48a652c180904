#include "dcgan/cli/load_commands.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <system_error>

#include "dcgan/base/cores.h"
#include "dcgan/base/error.h"

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

}  // namespace

RunCommand load_run_command(Binding binding) {
  // libgomp's idle threads spin before they sleep: by default for ten milliseconds, which is lost
  // to the others where a process competes for the cores. About one bridges what lies between two
  // loops as well. Less does not: on a virtual machine it takes long to wake a core that sleeps.
  // libgomp reads this once, while it is loaded, hence before dlopen. A user's own choice stays.
  if (std::getenv("OMP_WAIT_POLICY") == nullptr) setenv("GOMP_SPINCOUNT", "30000", 0);
  // LibTorch's own default is another number, and changing it later starts threads that nobody
  // needs.
  setenv("OMP_NUM_THREADS", std::to_string(usable_cores()).c_str(), 0);

  const fs::path path = find_library();
  void* const library =
      dlopen(path.c_str(), (binding == Binding::now ? RTLD_NOW : RTLD_LAZY) | RTLD_LOCAL);
  if (library == nullptr) {
    const char* const why = dlerror();
    throw failure(fmt::format("{} cannot be loaded: {}\nscripts/setup.sh installs what it needs",
                              path.string(), why == nullptr ? "unknown reason" : why));
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
