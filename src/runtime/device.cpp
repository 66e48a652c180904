#include "runtime/device.h"

#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <torch/cuda.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <vector>

#include "base/system_limits.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "runtime/cpu.h"
#include "runtime/cuda_driver.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Loads libtorch_cuda.so, which registers LibTorch's CUDA half. Only libtorch_cpu is linked, so
/// that a CPU run pays neither the time nor the memory of the CUDA libraries. Returns whether this
/// LibTorch has CUDA, with or without a GPU.
bool load_cuda() {
  // Before the first question: LibTorch remembers the answer that it gave without the library.
  static void* const library = dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL);
  return library != nullptr || torch::hasCUDA();
}

/// The driver is asked first: LibTorch's answer is a warning of its own and no reason.
std::optional<GpuObstacle> ask_for_gpu_obstacle() {
  if (!load_cuda()) {
    return GpuObstacle{fmt::format("this build's LibTorch {} has no CUDA", TORCH_VERSION),
                       "build with scripts/setup.sh --torch pip, or use --device cpu"};
  }
  const auto runtime = static_cast<int>(at::detail::getCUDAHooks().versionCUDART());
  if (std::optional<GpuObstacle> found = find_gpu_obstacle(runtime)) return found;
  if (torch::cuda::is_available()) return std::nullopt;
  return GpuObstacle{"LibTorch finds no GPU that it can use",
                     "see what nvidia-smi says, or use --device cpu"};
}

/// Why --device cuda can't be had; asked once.
const std::optional<GpuObstacle>& gpu_obstacle() {
  static const std::optional<GpuObstacle> obstacle = ask_for_gpu_obstacle();
  return obstacle;
}

std::int64_t gpu_count() {
  return gpu_obstacle() ? 0 : static_cast<std::int64_t>(torch::cuda::device_count());
}

/// An NVIDIA driver leaves this file; without it there is no need to load half a gigabyte of CUDA
/// libraries to learn that there is no GPU.
bool has_nvidia_driver() { return std::filesystem::exists("/dev/nvidiactl"); }

/// Why `auto` did not take a GPU whose driver is installed, or "".
std::string warn_of_idle_gpu() {
  const bool is_meant = std::getenv("CUDA_VISIBLE_DEVICES") != nullptr;
  if (is_meant || !has_nvidia_driver() || !load_cuda()) return "";
  const auto& obstacle = gpu_obstacle();
  return obstacle ? fmt::format("computing on the CPU: {}; {}", obstacle->problem, obstacle->remedy)
                  : "";
}

/// What is wrong with so many threads, or "". A loop ends with its last thread, and a core's other
/// threads have to wait for their turn.
std::string warn_of_threads(std::int64_t threads, bool asked_for) {
  const std::int64_t cores = usable_cores();
  if (threads <= cores) return "";
  return fmt::format(
      "{} threads on {} core{} wait for each other, which may take many times longer; {}", threads,
      cores, cores == 1 ? "" : "s",
      asked_for ? "leave out --threads and run.threads" : "unset OMP_NUM_THREADS");
}

/// The file that a function of the loaded BLAS lies in, and OpenBLAS's own account if it is one.
std::string describe_blas() {
  void* const sgemm = dlsym(RTLD_DEFAULT, "sgemm_");
  Dl_info info;
  std::string text = "inside LibTorch";
  if (sgemm != nullptr && dladdr(sgemm, &info) != 0) {
    std::error_code ignored;
    const auto path = std::filesystem::canonical(info.dli_fname, ignored);
    const bool own = path.filename().string().rfind("libtorch", 0) == 0;
    text = own ? "inside LibTorch" : path.string();
  }
  using Describe = char* (*)();
  if (auto* const config = reinterpret_cast<Describe>(dlsym(RTLD_DEFAULT, "openblas_get_config"))) {
    return fmt::format("{} ({})", config(), text);
  }
  return at::hasMKL() ? "MKL (" + text + ")" : text;
}

void allow_tf32(bool allowed) {
  at::globalContext().setAllowTF32CuDNN(allowed);
  at::globalContext().setAllowTF32CuBLAS(allowed);
}

}  // namespace

torch::Device resolve_device(const std::string& name) {
  if (name == "cpu") return torch::kCPU;
  if (name == "auto") {
    return has_nvidia_driver() && gpu_count() > 0 ? torch::Device(torch::kCUDA, 0)
                                                  : torch::Device(torch::kCPU);
  }
  const std::int64_t index = name == "cuda" ? 0 : parse_integer(name.substr(5)).value_or(0);
  const std::string option = "--device " + name;
  if (const auto& obstacle = gpu_obstacle()) {
    throw failure(obstacle->problem).in(option).remedy(obstacle->remedy);
  }
  const std::int64_t count = gpu_count();
  if (index >= count) {
    throw failure(
        fmt::format("this machine has {} GPU{}, numbered from 0", count, count == 1 ? "" : "s"))
        .in(option)
        .remedy(fmt::format("use --device cuda:{}", count - 1));
  }
  return torch::Device(torch::kCUDA, static_cast<torch::DeviceIndex>(index));
}

std::int64_t set_threads(std::int64_t threads) {
  const std::int64_t count = threads > 0 ? threads : default_threads();
  // LibTorch starts a team of XNNPACK's threads when it is told, which costs a short command a
  // twentieth of its time. MKL must be told in any case.
  if (at::hasMKL() || at::get_num_threads() != count) {
    at::set_num_threads(static_cast<int>(count));
  }
  return count;
}

Precision fastest_precision(torch::Device device) {
  if (device.is_cuda()) return Precision::tf32;
  return device.is_cpu() && multiplies_bfloat16() ? Precision::bf16 : Precision::fp32;
}

Tf32Products::Tf32Products(bool allowed) : allowed_(allowed) {
  if (allowed_) allow_tf32(true);
}

Tf32Products::~Tf32Products() {
  if (allowed_) allow_tf32(false);
}

void keep_freed_memory() {
#ifdef __GLIBC__
  constexpr int kMebibyte = 1 << 20;
  mallopt(M_MMAP_THRESHOLD, 32 * kMebibyte);  // the most that glibc takes
  mallopt(M_TRIM_THRESHOLD, 1024 * kMebibyte);
  mallopt(M_TOP_PAD, 16 * kMebibyte);
#endif
}

void share_one_heap() {
#ifdef __GLIBC__
  mallopt(M_ARENA_MAX, 1);
#endif
}

Machine prepare_machine(const std::string& device, std::int64_t threads, std::int64_t local_rank) {
  keep_freed_memory();
  allow_tf32(false);  // cuDNN's default is true
  torch::Device resolved = resolve_device(device);
  if (resolved.is_cuda() && local_rank > 0) {
    resolved = resolve_device(fmt::format("cuda:{}", local_rank));
  }
  const std::int64_t count = threads > 0 ? threads : default_threads();
  set_threads(count);
  if (!resolved.is_cpu()) return {resolved, count, ""};
  const std::string idle = device == "auto" ? warn_of_idle_gpu() : "";
  return {resolved, count, idle.empty() ? warn_of_threads(count, threads > 0) : idle};
}

std::int64_t peak_memory() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::int64_t>(usage.ru_maxrss) * 1024;
}

std::vector<std::string> describe_machine() {
  std::string devices = "cpu";
  if (has_nvidia_driver()) {
    for (std::int64_t i = 0; i < gpu_count(); ++i) devices += fmt::format(", cuda:{}", i);
  }
  return {fmt::format("LibTorch {}", TORCH_VERSION), "devices: " + devices,
          fmt::format("threads: {}", default_threads()), "BLAS: " + describe_blas()};
}

}  // namespace dcgan
