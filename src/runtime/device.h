// Where a training runs: CPU or GPU, and with how many threads.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

/// `name`: "auto" (the first GPU if there is one, else the CPU), "cpu", "cuda" or "cuda:N". Loads
/// LibTorch's CUDA half only if it is asked for. Throws `failure`, one line, when a GPU is named
/// and LibTorch has no CUDA, the driver has no GPU for it (cuda_driver.h), or the number is too
/// large.
torch::Device resolve_device(const std::string& name);

/// Has LibTorch's operators run on so many threads; 0: OMP_NUM_THREADS if the environment has it,
/// else the cores that this process may use. Returns how many. Call it before the first operator.
std::int64_t set_threads(std::int64_t threads);

/// Whether operators return before they are done, so that reading a number waits for all of them.
inline bool is_asynchronous(torch::Device device) { return !device.is_cpu(); }

/// Whether a step's operators can be recorded once and repeated (gan/recorded_step.h).
inline bool supports_graph(torch::Device device) { return device.is_cuda(); }

/// What Precision::automatic is on `device`: tf32 on a GPU, bf16 on a CPU that multiplies it, else
/// fp32.
Precision fastest_precision(torch::Device device);

/// While it lives, a GPU with tensor cores may round the factors of float32 products to tf32 (10
/// bits of fraction). Of the whole process: one at a time.
class Tf32Products {
 public:
  explicit Tf32Products(bool allowed);
  ~Tf32Products();
  Tf32Products(const Tf32Products&) = delete;
  Tf32Products& operator=(const Tf32Products&) = delete;

 private:
  bool allowed_;
};

/// Keeps freed memory in the process instead of giving it back to the kernel: a training step
/// frees and takes back the same tens of megabytes each time, and page faults cost a quarter of it
/// otherwise. glibc only; elsewhere it does nothing.
void keep_freed_memory();

/// Lets threads use what others freed. To be called before any thread is started.
void share_one_heap();

/// Where a command computes.
struct Machine {
  torch::Device device;
  std::int64_t threads;  ///< as set_threads returned it
  std::string warning;   ///< of a GPU that `auto` can't use, or more threads than cores; else ""
};

/// keep_freed_memory, resolve_device and set_threads, for a command: before its first operator. Of
/// a machine's several processes each takes the GPU of its number.
Machine prepare_machine(const std::string& device, std::int64_t threads,
                        std::int64_t local_rank = 0);

/// The most memory that the process has held so far, in bytes.
std::int64_t peak_memory();

/// What `dcgan --version` says of the machine: lines such as "LibTorch 1.13.0", "devices: cpu",
/// "threads: 2", "BLAS: OpenBLAS 0.3.21 (libblas.so.3 -> ...)".
std::vector<std::string> describe_machine();

}  // namespace dcgan
