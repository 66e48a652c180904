// What c10d's Gloo and NCCL have in common.
#pragma once

#include <torch/version.h>
#if TORCH_VERSION_MAJOR >= 2
#include <torch/csrc/distributed/c10d/Backend.hpp>
#else
#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#endif
#include <chrono>
#include <torch/csrc/distributed/c10d/Store.hpp>

namespace dcgan {

#if TORCH_VERSION_MAJOR >= 2
using Backend = c10d::Backend;
#else
using Backend = c10d::ProcessGroup;
#endif

}  // namespace dcgan

/// What libdcgan_cuda.so offers: NCCL between the GPUs of all processes. Throws where this machine
/// has none.
extern "C" void dcgan_make_nccl(const c10::intrusive_ptr<c10d::Store>& store, int rank, int size,
                                std::chrono::milliseconds timeout,
                                c10::intrusive_ptr<dcgan::Backend>& backend);
