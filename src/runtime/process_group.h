// The processes that train one model together, by LibTorch's own c10d: Gloo between CPUs, NCCL
// between GPUs.
#pragma once

#include <torch/types.h>

#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "base/launcher.h"

namespace dcgan {

/// gather(), sum() and require_same() are collectives: all processes make them, in the same order.
/// Where one is missing, the others throw `failure` that names it.
class ProcessGroup {
 public:
  /// Connects to the others. Throws `failure` that names the address where there is nobody within
  /// `timeout`, which is how long each later collective waits, too, or where this build has no
  /// c10d. The program ignores SIGPIPE from then on.
  ProcessGroup(const Launch& launch, std::chrono::seconds timeout);
  ~ProcessGroup();
  /// Has NCCL take tensors on `device`, where all processes can start it. Returns why not, in words
  /// for a warning, else "": then they go through the host's memory, by Gloo. A collective.
  std::string use_gpus(torch::Device device);

  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  std::int64_t rank() const { return launch_.rank; }
  std::int64_t size() const { return launch_.size; }
  bool leads() const { return launch_.rank == 0; }

  /// Each process's tensor, by rank. All are of one size and type.
  std::vector<torch::Tensor> gather(const torch::Tensor& tensor);

  /// In place the sum over all processes, of floating-point numbers, contiguous; the same bits on
  /// all of them. Added pair by pair, neighbours first ((0 + 1) + (2 + 3)); NCCL has its own order.
  void sum(const torch::Tensor& numbers);

  /// The same, side by side with what follows, other collectives included: done once get() of what
  /// it returns has come back. All processes begin these sums in the same order.
  std::future<void> begin_sum(const torch::Tensor& numbers);

  /// Throws `failure` where another process says something else of `what` ("configuration"). Of
  /// `value` the first 63 bytes count.
  void require_same(const std::string& what, const std::string& value);

  /// For an error of this process, which the others then name in place of "is gone".
  void tell(const std::string& problem) noexcept;

  /// Bytes sent so far.
  std::int64_t bytes_sent() const;

  /// Of the time that collectives took so far, the share in which this process computed: [0, 1].
  double hidden_share() const;

 private:
  struct Impl;
  template <typename Work>
  void run_collective(const Work& work);
  [[noreturn]] void blame(const std::string& problem);
  void disconnect();

  Launch launch_;
  std::chrono::seconds timeout_;
  std::chrono::duration<double> waited_{};  ///< for what begin_sum() began
  std::unique_ptr<Impl> impl_;
};

/// The sum of tensors of one size, pair by pair, neighbours first; the first ones are overwritten.
torch::Tensor tree_sum(std::vector<torch::Tensor> tensors);

}  // namespace dcgan
