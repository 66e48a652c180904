#include "runtime/cuda_driver.h"

#include <dlfcn.h>
#include <fmt/format.h>

#include <cstdlib>

namespace dcgan {
namespace {

// NVIDIA, "CUDA driver API": CUresult.
constexpr int kSuccess = 0;
constexpr int kNoDevice = 100;
constexpr int kDriverMismatch = 803;

std::string version_text(int version) {
  return fmt::format("{}.{}", version / 1000, version % 1000 / 10);
}

}  // namespace

std::optional<GpuObstacle> find_gpu_obstacle(int runtime, const char* library) {
  void* const driver = dlopen(library, RTLD_NOW);
  const auto find = [driver](const char* name) {
    return driver == nullptr ? nullptr : dlsym(driver, name);
  };
  auto* const version_of = reinterpret_cast<int (*)(int*)>(find("cuDriverGetVersion"));
  auto* const init = reinterpret_cast<int (*)(unsigned)>(find("cuInit"));
  auto* const count_devices = reinterpret_cast<int (*)(int*)>(find("cuDeviceGetCount"));
  if (version_of == nullptr || init == nullptr || count_devices == nullptr) {
    return GpuObstacle{"no NVIDIA driver (libcuda.so.1) on this machine", "use --device cpu"};
  }
  int version = 0;
  if (version_of(&version) == kSuccess && version / 1000 < runtime / 1000) {
    return GpuObstacle{fmt::format("this machine's NVIDIA driver is for CUDA {}, this LibTorch is "
                                   "for CUDA {}",
                                   version_text(version), version_text(runtime)),
                       "update the driver, or use --device cpu"};
  }
  int devices = 0;
  int result = init(0);
  if (result == kSuccess) result = count_devices(&devices);
  if (result == kNoDevice || (result == kSuccess && devices == 0)) {
    const char* const visible = std::getenv("CUDA_VISIBLE_DEVICES");
    if (visible == nullptr) return GpuObstacle{"no NVIDIA GPU on this machine", "use --device cpu"};
    return GpuObstacle{fmt::format("CUDA_VISIBLE_DEVICES='{}' leaves no GPU", visible),
                       "unset CUDA_VISIBLE_DEVICES, or use --device cpu"};
  }
  if (result == kDriverMismatch) {
    return GpuObstacle{"the NVIDIA driver was updated and still runs in its old version",
                       "restart the machine, or use --device cpu"};
  }
  if (result == kSuccess) return std::nullopt;
  return GpuObstacle{fmt::format("the NVIDIA driver does not start (CUDA error {})", result),
                     "see what nvidia-smi says, or use --device cpu"};
}

}  // namespace dcgan
