// What NVIDIA's driver says of the machine, asked before LibTorch's CUDA half.
#pragma once

#include <optional>
#include <string>

namespace dcgan {

/// Why no GPU can be used, and what to do.
struct GpuObstacle {
  std::string problem;
  std::string remedy;
};

/// `runtime`: the version of CUDA that LibTorch was built for, 13020 for 13.2; a driver serves all
/// of its own first number. `library`: the driver's. Nothing where a GPU can be used.
std::optional<GpuObstacle> find_gpu_obstacle(int runtime, const char* library = "libcuda.so.1");

}  // namespace dcgan
