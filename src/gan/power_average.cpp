#include "gan/power_average.h"

#include <algorithm>
#include <cmath>

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// The integral of the product of two profiles (eq. 151).
double dot(const PowerProfile& a, const PowerProfile& b) {
  if (a.updates > b.updates) return dot(b, a);
  const double gamma_a = exponent_of_width(a.width);
  const double gamma_b = exponent_of_width(b.width);
  const auto first = static_cast<double>(a.updates);
  const auto last = static_cast<double>(b.updates);
  return (gamma_a + 1) * (gamma_b + 1) * std::pow(first / last, gamma_b) /
         ((gamma_a + gamma_b + 1) * last);
}

}  // namespace

double exponent_of_width(double width) {
  double low = 0;  // of a width of 0.29; the larger the exponent, the smaller the width
  double high = 1 / width;
  for (int i = 0; i < 100; ++i) {
    const double gamma = (low + high) / 2;
    const double square = (gamma + 1) / ((gamma + 2) * (gamma + 2) * (gamma + 3));
    (square > width * width ? low : high) = gamma;
  }
  return low;
}

double power_average_weight(double width, std::int64_t update) {
  return 1 - std::pow(1 - 1 / static_cast<double>(update), exponent_of_width(width) + 1);
}

PowerSum fit_profile(const std::vector<PowerProfile>& snapshots, const PowerProfile& wanted) {
  const auto count = static_cast<std::int64_t>(snapshots.size());
  torch::Tensor products = torch::empty({count, count}, torch::kFloat64);
  torch::Tensor with_wanted = torch::empty({count, 1}, torch::kFloat64);
  for (std::int64_t i = 0; i < count; ++i) {
    const PowerProfile& profile = snapshots[static_cast<std::size_t>(i)];
    with_wanted[i][0] = dot(profile, wanted);
    for (std::int64_t j = 0; j < count; ++j) {
      products[i][j] = dot(profile, snapshots[static_cast<std::size_t>(j)]);
    }
  }
  torch::Tensor weights = torch::linalg_solve(products, with_wanted);
  weights = weights / weights.sum();
  const double square = dot(wanted, wanted);
  const double rest = square - 2 * (weights * with_wanted).sum().item<double>() +
                      weights.t().mm(products).mm(weights).item<double>();
  const auto* first = weights.data_ptr<double>();
  return {{first, first + count}, std::sqrt(std::max(rest, 0.0) / square)};
}

}  // namespace dcgan
