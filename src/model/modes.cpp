#include "model/modes.h"

#include <cmath>
#include <limits>
#include <numbers>

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// How often each class wins: `each` modes of class c draw from N(bias[c], 1), and the largest of
/// all is the winner's. P(c) = each * integral of p(t - b_c) F(t - b_c)^(each - 1) times the
/// product over the other classes k of F(t - b_k)^each. bias and result: float64 [classes].
torch::Tensor winning_shares(const torch::Tensor& bias, double each) {
  constexpr double kReach = 9;  // deviations; nothing is beyond
  constexpr int kPoints = 2000;
  const double first = bias.min().item<double>() - kReach;
  const double step = (bias.max().item<double>() + kReach - first) / kPoints;
  const torch::Tensor points = first + (torch::arange(kPoints, torch::kFloat64) + 0.5) * step;
  const torch::Tensor x = points.unsqueeze(1) - bias;  // [points, classes]
  const torch::Tensor log_cdf = torch::special_log_ndtr(x);
  const torch::Tensor log_density = -0.5 * x.square() - 0.5 * std::log(2 * std::numbers::pi);
  const torch::Tensor all = each * log_cdf.sum(1, /*keepdim=*/true);
  return each * step * (all - log_cdf + log_density).exp().sum(0);
}

}  // namespace

torch::Tensor modes_of(const torch::Tensor& latents, std::int64_t modes,
                       const torch::Tensor& bias) {
  const torch::Tensor choosing = latents.narrow(1, 0, modes);
  return (bias.defined() ? choosing + bias : choosing).argmax(1);
}

torch::Tensor choose_mode(const torch::Tensor& latents, std::int64_t modes,
                          const torch::Tensor& bias) {
  const torch::Tensor chosen = torch::zeros_like(latents.narrow(1, 0, modes))
                                   .scatter_(1, modes_of(latents, modes, bias).unsqueeze(1),
                                             std::sqrt(static_cast<double>(modes)));
  return torch::cat({chosen, latents.narrow(1, modes, latents.size(1) - modes)}, 1);
}

torch::Tensor classes_of(const torch::Tensor& latents, std::int64_t modes, std::int64_t classes,
                         const torch::Tensor& bias) {
  return modes_of(latents, modes, bias).remainder(classes);
}

torch::Tensor choose_classes(const torch::Tensor& latents, std::int64_t modes, std::int64_t classes,
                             const torch::Tensor& wanted) {
  const torch::Tensor of_modes =
      torch::arange(modes, wanted.options()).remainder(classes).unsqueeze(0);  // [1, modes]
  torch::Tensor chosen = latents.clone();
  chosen.narrow(1, 0, modes)
      .masked_fill_(of_modes.ne(wanted.unsqueeze(1)), -std::numeric_limits<double>::infinity());
  return chosen;
}

torch::Tensor mode_bias_for(const std::vector<std::int64_t>& counts, std::int64_t modes) {
  const auto classes = static_cast<std::int64_t>(counts.size());
  const torch::Tensor wanted = torch::tensor(counts, torch::kFloat64);
  const torch::Tensor log_wanted = (wanted / wanted.sum()).log();
  const std::int64_t each = modes / classes;
  // A larger bias wins more often, so that each is raised by what its share lacks until none does.
  constexpr int kMaxRounds = 500;
  constexpr double kPace = 0.3;
  constexpr double kClose = 1e-6;
  torch::Tensor bias = torch::zeros({classes}, torch::kFloat64);
  for (int round = 0; round < kMaxRounds; ++round) {
    const torch::Tensor lacks = log_wanted - winning_shares(bias, static_cast<double>(each)).log();
    bias += kPace * lacks;
    if (lacks.abs().max().item<double>() < kClose) break;
  }
  return bias.to(torch::kFloat32).repeat({each});
}

}  // namespace dcgan
