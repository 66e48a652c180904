// The processes that train one model together, by LibTorch's own c10d: Gloo between CPUs, NCCL
// between GPUs.
#pragma once

#include <torch/types.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/launcher.h"

namespace dcgan {

/// Every call but the first two is a meeting: all processes make it, in the same order. Where one
/// does not come, the others throw `failure` that names it.
class ProcessGroup {
 public:
  /// Meets the others. Throws `failure` that names the address where there is nobody within
  /// `timeout`, which is how long each later meeting waits, too, or where this build has no c10d.
  /// The program ignores SIGPIPE from then on.
  ProcessGroup(const Launch& launch, std::chrono::seconds timeout);
  ~ProcessGroup();
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  std::int64_t rank() const { return launch_.rank; }
  std::int64_t size() const { return launch_.size; }
  bool leads() const { return launch_.rank == 0; }

  /// Each process's tensor, by rank. All are of one size and type.
  std::vector<torch::Tensor> gather(const torch::Tensor& tensor);

  /// In place the sum over all processes, of floating-point numbers, contiguous. Added pair by
  /// pair, neighbours first ((0 + 1) + (2 + 3)), so that the bits are the same on all of them.
  void sum(const torch::Tensor& numbers);

  /// Throws `failure` where another process says something else of `what` ("configuration"). Of
  /// `value` the first 63 bytes count.
  void require_same(const std::string& what, const std::string& value);

  /// For an error of this process, which the others then name in place of "is gone".
  void tell(const std::string& problem) noexcept;

  /// Bytes that sum() and gather() have sent so far.
  std::int64_t bytes_sent() const { return bytes_sent_; }

 private:
  struct Impl;
  template <typename Meet>
  void meet(const Meet& work);
  [[noreturn]] void blame(const std::string& problem);

  Launch launch_;
  std::int64_t bytes_sent_ = 0;
  std::unique_ptr<Impl> impl_;
};

/// The sum of tensors of one size, pair by pair, neighbours first; the first ones are overwritten.
torch::Tensor tree_sum(std::vector<torch::Tensor> tensors);

}  // namespace dcgan
