// A device that only pretends to be one, so that tests see what is placed where without a GPU:
// LibTorch's PrivateUse1. The host can't touch its memory outside of its operators, which are the
// CPU's; what a GPU's stream would be waited for is counted.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace dcgan::testing {

inline torch::Device pretended_device() { return {torch::kPrivateUse1, 0}; }

/// Since the last reset().
struct DeviceCounts {
  std::int64_t operators = 0;
  std::int64_t to_host = 0;           ///< copies, a number that is read included
  std::int64_t to_device = 0;         ///< copies
  std::int64_t synchronisations = 0;  ///< times that the host would have to wait
  /// Host memory that was written while a copy from it could still have run.
  std::int64_t overwritten_sources = 0;
};

/// What has been counted; it waits for what is queued, which it does not count.
DeviceCounts device_counts();

void reset_device_counts();

/// What tensors hold now, in bytes.
std::int64_t device_memory();

}  // namespace dcgan::testing
