// What updates a network's parameters:
//   adam     Kingma, Ba, "Adam: a method for stochastic optimization", 2015, algorithm 1
//   sgd      with momentum: Polyak, "Some methods of speeding up the convergence of iteration
//            methods", 1964
//   rmsprop  Tieleman, Hinton, "Lecture 6.5: rmsprop", 2012
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "model/network.h"

namespace dcgan {

struct OptimizerOptions {
  double lr = 2e-4;
  double beta1 = 0.5;    ///< sgd: momentum; rmsprop: unused
  double beta2 = 0.999;  ///< rmsprop: alpha; sgd: unused
  double eps = 1e-8;     ///< sgd: unused
  OptimizerKind kind = OptimizerKind::adam;
};

/// The optimizer of one network. Its moments are part of a checkpoint; its arithmetic is that of
/// torch.optim.Adam, SGD or RMSprop, element by element.
class Optimizer {
 public:
  Optimizer(const NamedTensors& parameters, const OptimizerOptions& options);

  /// The same optimizer, with the same moments, reading the gradients of another part's network.
  Optimizer for_part(const Network& network) const;

  /// What it updates, in the order of the network's.
  const std::vector<torch::Tensor>& parameters() const { return parameters_; }

  /// Forgets all gradients.
  void zero_grad();

  /// Updates the parameters by their gradients; all of them must have one. `lr_factor` scales the
  /// step size.
  void step(double lr_factor = 1.0);

  /// The two halves of that: the rates of the next step t, which is counted now, float32 [2] on the
  /// CPU: lr / (1 - beta1^t) and 1 / sqrt(1 - beta2^t) of Adam, lr and 1 of the others; and the
  /// step, which reads them on the parameters' device and does the same work each time.
  torch::Tensor next_rates(double lr_factor = 1.0);
  void step(const torch::Tensor& rates);

  /// The step size from now on, for a schedule.
  void set_lr(double lr) { options_.lr = lr; }

  /// PyTorch's names before the parameter's: "exp_avg.<parameter>" and "exp_avg_sq.<parameter>" of
  /// Adam, "momentum_buffer.<parameter>" of SGD, "square_avg.<parameter>" of RMSprop.
  NamedTensors named_moments() const;

  std::int64_t steps_done() const { return steps_done_; }
  void set_steps_done(std::int64_t steps) { steps_done_ = steps; }

 private:
  using Tensors = std::vector<torch::Tensor>;

  void step_adam(const Tensors& grads, const torch::Tensor& rates);
  void step_sgd(const Tensors& grads, const torch::Tensor& rate);
  void step_rmsprop(const Tensors& grads, const torch::Tensor& rate);

  OptimizerOptions options_;
  std::vector<std::string> names_;
  Tensors parameters_;
  std::vector<Tensors> moments_;  ///< one of each parameter, for each of the kind's names
  std::int64_t steps_done_ = 0;
};

}  // namespace dcgan
