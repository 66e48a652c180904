#include "model/modes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// log of the standard normal's distribution function.
double log_normal_cdf(double x) {
  constexpr double kLeast = -700;  // where the function itself is no double any more
  return std::max(kLeast, std::log(0.5 * std::erfc(-x / std::numbers::sqrt2)));
}

double log_normal_density(double x) { return -0.5 * x * x - 0.5 * std::log(2 * std::numbers::pi); }

/// How often each class wins: `each` modes of class c draw from N(bias[c], 1), and the largest of
/// all is the winner's. P(c) = each * integral of p(t - b_c) F(t - b_c)^(each - 1) times the
/// product over the other classes k of F(t - b_k)^each.
std::vector<double> winning_shares(const std::vector<double>& bias, double each) {
  constexpr double kReach = 9;  // deviations; nothing is beyond
  constexpr int kPlaces = 2000;
  const auto [least, most] = std::minmax_element(bias.begin(), bias.end());
  const double first = *least - kReach;
  const double step = (*most + kReach - first) / kPlaces;
  std::vector<double> shares(bias.size());
  for (int place = 0; place < kPlaces; ++place) {
    const double t = first + (place + 0.5) * step;
    double all = 0;
    for (const double b : bias) all += each * log_normal_cdf(t - b);
    for (std::size_t c = 0; c < bias.size(); ++c) {
      const double x = t - bias[c];
      shares[c] += each * step * std::exp(all - log_normal_cdf(x) + log_normal_density(x));
    }
  }
  return shares;
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
  TORCH_CHECK(classes > 0 && modes % classes == 0, "modes are a multiple of the classes");
  TORCH_CHECK(*std::min_element(counts.begin(), counts.end()) > 0, "every class has an image");
  const auto total =
      static_cast<double>(std::accumulate(counts.begin(), counts.end(), std::int64_t{0}));
  const auto each = static_cast<double>(modes / classes);
  // A larger bias wins more often, so that each is moved by what its share lacks until none does.
  constexpr int kMaxRounds = 500;
  constexpr double kPace = 0.3;
  constexpr double kClose = 1e-6;
  std::vector<double> bias(counts.size());
  for (int round = 0; round < kMaxRounds; ++round) {
    const std::vector<double> shares = winning_shares(bias, each);
    double farthest = 0;
    for (std::size_t c = 0; c < bias.size(); ++c) {
      const double lacks = std::log(static_cast<double>(counts[c]) / total / shares[c]);
      bias[c] += kPace * lacks;
      farthest = std::max(farthest, std::abs(lacks));
    }
    if (farthest < kClose) break;
  }
  return torch::tensor(bias, torch::kFloat32).repeat({modes / classes});
}

}  // namespace dcgan
