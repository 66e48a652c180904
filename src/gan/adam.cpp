#include "gan/adam.h"

#include <cmath>

#include "kernels/multi_tensor.h"
#include "runtime/torch.h"

namespace dcgan {

Adam::Adam(const NamedTensors& parameters, const AdamOptions& options) : options_(options) {
  for (const auto& [name, parameter] : parameters) {
    names_.push_back(name);
    exp_avg_.push_back(torch::zeros_like(parameter.detach()));
    exp_avg_sq_.push_back(torch::zeros_like(parameter.detach()));
    parameters_.push_back(parameter);
  }
}

Adam Adam::for_part(const Network& network) const {
  Adam copy = *this;
  copy.parameters_ = dcgan::parameters(network);
  return copy;
}

void Adam::zero_grad() {
  for (torch::Tensor& parameter : parameters_) parameter.mutable_grad() = torch::Tensor();
}

void Adam::step(double lr_factor) { step(next_rates(lr_factor).to(parameters_.front().device())); }

torch::Tensor Adam::next_rates(double lr_factor) {
  ++steps_done_;
  const auto t = static_cast<double>(steps_done_);
  const double correction1 = 1.0 - std::pow(options_.beta1, t);
  const double correction2 = 1.0 - std::pow(options_.beta2, t);
  return torch::tensor({static_cast<float>(lr_factor * options_.lr / correction1),
                        static_cast<float>(1.0 / std::sqrt(correction2))});
}

void Adam::step(const torch::Tensor& rates) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> grads;
  for (const torch::Tensor& parameter : parameters_) {
    TORCH_CHECK(parameter.grad().defined(), "a parameter has no gradient");
    grads.push_back(parameter.grad());
  }
  const torch::Tensor step_size = rates[0];
  const torch::Tensor inverse_correction2 = rates[1];
  if (parameters_.front().is_cpu()) {
    adam_update(
        parameters_, grads, exp_avg_, exp_avg_sq_,
        {options_.beta1, options_.beta2, options_.eps, static_cast<double>(step_size.item<float>()),
         static_cast<double>(inverse_correction2.item<float>())});
    return;
  }
  // m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
  torch::_foreach_mul_(exp_avg_, options_.beta1);
  torch::_foreach_add_(exp_avg_, grads, 1.0 - options_.beta1);
  torch::_foreach_mul_(exp_avg_sq_, options_.beta2);
  torch::_foreach_addcmul_(exp_avg_sq_, grads, grads, 1.0 - options_.beta2);

  // p -= lr / (1 - b1^t) * m / (sqrt(v / (1 - b2^t)) + eps). LibTorch 1.13 knows no list of tensors
  // times one on the device.
  std::vector<torch::Tensor> denominators = torch::_foreach_sqrt(exp_avg_sq_);
  for (torch::Tensor& denominator : denominators) denominator.mul_(inverse_correction2);
  torch::_foreach_add_(denominators, options_.eps);
  std::vector<torch::Tensor> updates = torch::_foreach_div(exp_avg_, denominators);
  for (torch::Tensor& update : updates) update.mul_(step_size);
  torch::_foreach_sub_(parameters_, updates);
}

NamedTensors Adam::named_moments() const {
  NamedTensors named;
  for (std::size_t i = 0; i < names_.size(); ++i) {
    named.emplace_back("exp_avg." + names_[i], exp_avg_[i]);
    named.emplace_back("exp_avg_sq." + names_[i], exp_avg_sq_[i]);
  }
  return named;
}

}  // namespace dcgan
