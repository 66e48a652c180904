#include <dlfcn.h>
#include <fmt/format.h>

#include <filesystem>

#include "dcgan/error.h"
#include "gan/graph_recorder.h"
#include "gan/recorded_step.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// The folder of the file that this code lies in: the program's library, or a program that embeds
/// dcgan.
std::filesystem::path own_folder() {
  static const int here = 0;
  Dl_info info;
  if (dladdr(&here, &info) == 0 || info.dli_fname == nullptr) return ".";
  return std::filesystem::path(info.dli_fname).parent_path();
}

}  // namespace

std::unique_ptr<Recorder> make_recorder(torch::Device device) {
  if (device.is_cpu()) return immediate_recorder();
  const std::string path = (own_folder() / kCudaLibrary).string();
  void* const library = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
  void* const symbol = library == nullptr ? nullptr : dlsym(library, kMakeGraphRecorder);
  if (symbol == nullptr) {
    const char* const why = dlerror();
    throw failure(
        fmt::format("run.cuda_graph: {}\nbuild with scripts/setup.sh --torch pip, or leave "
                    "run.cuda_graph: false",
                    why == nullptr ? path + " is of another version" : std::string(why)));
  }
  const auto make = reinterpret_cast<MakeGraphRecorder>(symbol);
  return std::unique_ptr<Recorder>(make(device.index()));
}

}  // namespace dcgan
