#include "gan/optimizer.h"

#include <cmath>

#include "kernels/multi_tensor.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

std::vector<std::string> moment_names(OptimizerKind kind) {
  switch (kind) {
    case OptimizerKind::adam:
      return {"exp_avg", "exp_avg_sq"};
    case OptimizerKind::sgd:
      return {"momentum_buffer"};
    case OptimizerKind::rmsprop:
      return {"square_avg"};
  }
  return {};
}

/// p -= rate u; rate: float32 [] on their device.
void subtract(const std::vector<torch::Tensor>& parameters,
              const std::vector<torch::Tensor>& updates, const torch::Tensor& rate) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    torch::Tensor(parameters[i]).addcmul_(updates[i], rate, -1);
  }
}

}  // namespace

Optimizer::Optimizer(const NamedTensors& parameters, const OptimizerOptions& options)
    : options_(options), moments_(moment_names(options.kind).size()) {
  for (const auto& [name, parameter] : parameters) {
    names_.push_back(name);
    for (Tensors& moments : moments_) moments.push_back(torch::zeros_like(parameter.detach()));
    parameters_.push_back(parameter);
  }
}

Optimizer Optimizer::for_part(const Network& network) const {
  Optimizer copy = *this;
  copy.parameters_.clear();
  for (auto& [name, parameter] : trained_parameters(network)) copy.parameters_.push_back(parameter);
  return copy;
}

void Optimizer::zero_grad() {
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad() = torch::Tensor();
}

void Optimizer::step(double lr_factor) {
  step(next_rates(lr_factor).to(parameters_.front().device()));
}

torch::Tensor Optimizer::next_rates(double lr_factor) {
  ++steps_done_;
  const double lr = lr_factor * options_.lr;
  if (options_.kind != OptimizerKind::adam) return torch::tensor({static_cast<float>(lr), 1.0F});
  const auto t = static_cast<double>(steps_done_);
  const double correction1 = 1.0 - std::pow(options_.beta1, t);
  const double correction2 = 1.0 - std::pow(options_.beta2, t);
  return torch::tensor(
      {static_cast<float>(lr / correction1), static_cast<float>(1.0 / std::sqrt(correction2))});
}

void Optimizer::step(const torch::Tensor& rates) {
  const torch::NoGradGuard no_grad;
  Tensors grads;
  for (const torch::Tensor& parameter : parameters_) {
    TORCH_CHECK(parameter.grad().defined(), "a parameter has no gradient");
    grads.push_back(parameter.grad());
  }
  switch (options_.kind) {
    case OptimizerKind::adam:
      return step_adam(grads, rates);
    case OptimizerKind::sgd:
      return step_sgd(grads, rates[0]);
    case OptimizerKind::rmsprop:
      return step_rmsprop(grads, rates[0]);
  }
}

void Optimizer::step_adam(const Tensors& grads, const torch::Tensor& rates) {
  const torch::Tensor step_size = rates[0];
  const torch::Tensor inverse_correction2 = rates[1];
  Tensors& exp_avg = moments_[0];
  Tensors& exp_avg_sq = moments_[1];
  if (parameters_.front().is_cpu()) {
    adam_update(
        parameters_, grads, exp_avg, exp_avg_sq,
        {options_.beta1, options_.beta2, options_.eps, static_cast<double>(step_size.item<float>()),
         static_cast<double>(inverse_correction2.item<float>())});
    return;
  }
  // m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
  torch::_foreach_mul_(exp_avg, options_.beta1);
  torch::_foreach_add_(exp_avg, grads, 1.0 - options_.beta1);
  torch::_foreach_mul_(exp_avg_sq, options_.beta2);
  torch::_foreach_addcmul_(exp_avg_sq, grads, grads, 1.0 - options_.beta2);

  // p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps). LibTorch 1.13 knows no list of tensors
  // times one on the device.
  std::vector<torch::Tensor> denominators = torch::_foreach_sqrt(exp_avg_sq);
  for (torch::Tensor& denominator : denominators) denominator.mul_(inverse_correction2);
  torch::_foreach_add_(denominators, options_.eps);
  std::vector<torch::Tensor> updates = torch::_foreach_div(exp_avg, denominators);
  for (torch::Tensor& update : updates) update.mul_(step_size);
  torch::_foreach_sub_(parameters_, updates);
}

void Optimizer::step_sgd(const Tensors& grads, const torch::Tensor& rate) {
  // b = momentum b + g, which is g in the first step, as PyTorch begins; p -= lr b
  Tensors& buffer = moments_[0];
  torch::_foreach_mul_(buffer, options_.beta1);
  torch::_foreach_add_(buffer, grads);
  subtract(parameters_, buffer, rate);
}

void Optimizer::step_rmsprop(const Tensors& grads, const torch::Tensor& rate) {
  // v = alpha v + (1 - alpha) g^2,  p -= lr g / (sqrt(v) + eps)
  Tensors& square_avg = moments_[0];
  torch::_foreach_mul_(square_avg, options_.beta2);
  torch::_foreach_addcmul_(square_avg, grads, grads, 1.0 - options_.beta2);
  Tensors denominators = torch::_foreach_sqrt(square_avg);
  torch::_foreach_add_(denominators, options_.eps);
  subtract(parameters_, torch::_foreach_div(grads, denominators), rate);
}

NamedTensors Optimizer::named_moments() const {
  const std::vector<std::string> kinds = moment_names(options_.kind);
  NamedTensors named;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    for (std::size_t k = 0; k < kinds.size(); ++k) {
      named.emplace_back(kinds[k] + '.' + names_[i], moments_[k][i]);
    }
  }
  return named;
}

}  // namespace dcgan
