// NCCL's process group, in libdcgan_cuda.so: it needs LibTorch's CUDA half.
#include <cstdlib>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "runtime/backend.h"

extern "C" void dcgan_make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                std::chrono::milliseconds timeout,
                                c10::intrusive_ptr<dcgan::Backend>& backend) {
  // A collective that times out throws, which names the rank; else c10d aborts the program.
  setenv("TORCH_NCCL_BLOCKING_WAIT", "1", /*overwrite=*/0);
  const auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
}
