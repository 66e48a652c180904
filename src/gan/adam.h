// Adam (Kingma, Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "model/network.h"

namespace dcgan {

struct AdamOptions {
  double lr = 2e-4;
  double beta1 = 0.5;
  double beta2 = 0.999;
  double eps = 1e-8;
};

/// The optimizer of one network. Its moments are part of a checkpoint; its arithmetic is that of
/// torch.optim.Adam, element by element.
class Adam {
 public:
  Adam(const NamedTensors& parameters, const AdamOptions& options);

  /// The same optimizer, with the same moments, reading the gradients of another part's network.
  Adam for_part(const Network& network) const;

  /// What it updates, in the order of the network's.
  const std::vector<torch::Tensor>& parameters() const { return parameters_; }

  /// Forgets all gradients.
  void zero_grad();

  /// Updates the parameters by their gradients; all of them must have one. `lr_factor` scales the
  /// step size.
  void step(double lr_factor = 1.0);

  /// The two halves of that: the rates of the next step t, which is counted now, lr / (1 - beta1^t)
  /// and 1 / sqrt(1 - beta2^t), float32 [2] on the CPU; and the step, which reads them on the
  /// parameters' device and does the same work each time.
  torch::Tensor next_rates(double lr_factor = 1.0);
  void step(const torch::Tensor& rates);

  /// The step size from now on, for a schedule.
  void set_lr(double lr) { options_.lr = lr; }

  /// "exp_avg.<parameter>" and "exp_avg_sq.<parameter>".
  NamedTensors named_moments() const;

  std::int64_t steps_done() const { return steps_done_; }
  void set_steps_done(std::int64_t steps) { steps_done_ = steps; }

 private:
  AdamOptions options_;
  std::vector<std::string> names_;
  std::vector<torch::Tensor> parameters_;
  std::vector<torch::Tensor> exp_avg_;     ///< first moments
  std::vector<torch::Tensor> exp_avg_sq_;  ///< second moments
  std::int64_t steps_done_ = 0;
};

}  // namespace dcgan
