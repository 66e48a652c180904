#include "gan/augment_probability.h"

#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kStepsToAChange = 4;  // as in Karras et al.
constexpr double kImagesToOne = 100000;

}  // namespace

AugmentProbability make_augment_probability(torch::Device device) {
  const auto options = torch::TensorOptions(torch::kFloat32).device(device);
  return {torch::zeros({}, options), torch::zeros({}, options)};
}

torch::Tensor augment_rate(std::int64_t step, std::int64_t batch_size) {
  const bool changes = step % kStepsToAChange == kStepsToAChange - 1;
  const auto images = static_cast<double>(kStepsToAChange * batch_size);
  return torch::tensor(changes ? static_cast<float>(images / kImagesToOne) : 0.0F);
}

void adapt(AugmentProbability& probability, const torch::Tensor& mean_sign,
           const torch::Tensor& rate, double target) {
  const torch::NoGradGuard no_grad;
  probability.sum_of_signs.add_(mean_sign);
  const torch::Tensor direction = (probability.sum_of_signs / kStepsToAChange - target).sign();
  probability.value.add_(direction * rate).clamp_(0, 1);
  probability.sum_of_signs.mul_(rate == 0);
}

}  // namespace dcgan
