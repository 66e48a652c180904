#include "evaluate/distances.h"

#include <algorithm>
#include <cmath>

#include "evaluate/evaluate.h"
#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

double sum_of(const torch::Tensor& tensor) { return tensor.sum().item<double>(); }

/// How the distance of `set` to the reference begins to change as more of each row is mixed into
/// the set (its influence function): float64 [N], but for a constant. rows: float64 [N, D].
torch::Tensor influences(const torch::Tensor& rows, const Gaussian& set,
                         const Gaussian& reference) {
  constexpr double kTiny = 1e-6;  // the eigenvalues are squares, of which half the digits are noise
  const torch::Tensor centred = rows - set.mean;
  const torch::Tensor product = set.factor.mm(reference.factor.t());
  const auto [squares, axes] = torch::linalg_eigh(product.t().mm(product));
  const torch::Tensor roots =
      squares.clamp_min(0.0).sqrt();  // frechet_distance()'s singular values
  const torch::Tensor weights =
      torch::where(roots > kTiny * roots.max(), roots.reciprocal(), torch::zeros_like(roots));
  const torch::Tensor crossed = centred.mm(reference.factor.t()).mm(axes).square().mv(weights);
  return centred.mv(2.0 * (set.mean - reference.mean)) + centred.square().sum(1) - crossed;
}

double covariance(const torch::Tensor& a, const torch::Tensor& b) {
  return sum_of((a - a.mean()) * (b - b.mean())) / static_cast<double>(a.size(0) - 1);
}

// The kernel distance -----------------------------------------------------------------------------

constexpr std::int64_t kRows = 128;  ///< rows of products that a thread makes at a time

/// Of each row of x the sum of the kernel's values with the rows of y, and of their squares:
/// float64 [2, N]. Where x is y itself the pairs of a row with itself are left out.
torch::Tensor sum_kernel(const torch::Tensor& x, const torch::Tensor& y) {
  const torch::Tensor columns = y.t();
  const torch::Tensor sums = torch::empty({2, x.size(0)}, torch::kFloat64);
  parallel_blocks((x.size(0) + kRows - 1) / kRows, [&](std::int64_t block) {
    const torch::NoGradGuard no_grad;
    const std::int64_t first = block * kRows;
    const std::int64_t count = std::min(kRows, x.size(0) - first);
    torch::Tensor values = x.narrow(0, first, count).mm(columns).to(torch::kFloat64);  // [count, M]
    values.mul_(1.0 / static_cast<double>(x.size(1))).add_(1.0).pow_(3);
    if (x.is_same(y)) values.diagonal(first).zero_();
    sums[0].narrow(0, first, count).copy_(values.sum(1));
    sums[1].narrow(0, first, count).copy_(values.square_().sum(1));
  });
  return sums;
}

}  // namespace

Gaussian fit_gaussian(const torch::Tensor& features) {
  const torch::NoGradGuard no_grad;
  const std::int64_t count = features.size(0);
  const torch::Tensor wide = features.to(torch::kFloat64);
  Gaussian gaussian;
  gaussian.mean = wide.mean(0);
  const torch::Tensor centred =
      (wide - gaussian.mean) / std::sqrt(static_cast<double>(count - 1));  // [N, D]
  gaussian.factor =
      count < features.size(1) ? centred : std::get<1>(torch::linalg_qr(centred, "r"));
  return gaussian;
}

double frechet_distance(const Gaussian& a, const Gaussian& b) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor product = a.factor.mm(b.factor.t());
  const double cross = sum_of(torch::linalg_svdvals(product));
  const double distance = sum_of((a.mean - b.mean).square()) + sum_of(a.factor.square()) +
                          sum_of(b.factor.square()) - 2.0 * cross;
  return std::max(distance, 0.0);
}

double frechet_deviation(const torch::Tensor& features, const Gaussian& set,
                         const Gaussian& reference) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor rows = features.to(torch::kFloat64);
  const auto influences_of = [&](const Gaussian& some) {
    return influences(rows, some, reference);
  };
  const torch::Tensor all = influences_of(set);
  const auto fit_half = [&](std::int64_t first) {  // of the rows first, first + 2, ...
    return fit_gaussian(features.slice(/*dim=*/0, first, features.size(0), /*step=*/2));
  };
  const double clean = covariance(influences_of(fit_half(0)), influences_of(fit_half(1)));
  const double variance = (covariance(all, all) + std::max(clean, 0.0)) / 2.0;
  return std::sqrt(variance / static_cast<double>(rows.size(0)));
}

Estimate kernel_distance(const torch::Tensor& all, const torch::Tensor& all_reference,
                         std::int64_t seed, std::int64_t max_rows) {
  const torch::NoGradGuard no_grad;
  // Not evenly spaced ones: every sixth image that MNIST has for training is unlike the others (fid
  // 0.67 of those, 0.15 of as many at random).
  const auto some_rows = [&](const torch::Tensor& rows) {
    if (rows.size(0) <= max_rows) return rows;
    return choose_images(rows, max_rows, seed, Purpose::evaluation_subsets);
  };
  const torch::Tensor set = some_rows(all);
  const torch::Tensor reference = some_rows(all_reference);
  const auto n = static_cast<double>(set.size(0));
  const auto m = static_cast<double>(reference.size(0));
  const torch::Tensor within = sum_kernel(set, set);
  const torch::Tensor between = sum_kernel(set, reference)[0] / m;
  // The distance is the mean of h(x, x') = k(x, x') - between(x) - between(x') over pairs, and a
  // constant of the reference.
  const double constant = sum_of(sum_kernel(reference, reference)[0]) / (m * (m - 1.0));
  const double total = sum_of(between);
  const torch::Tensor means =
      (within[0] - (n - 1.0) * between - (total - between)) / (n - 1.0);  // of h: [N]
  const double mean = means.mean().item<double>();
  const double square_sum = sum_of(within[1]) - 4.0 * sum_of(between * within[0]) +
                            2.0 * (n - 2.0) * sum_of(between.square()) + 2.0 * total * total;
  const double pairs = n * (n - 1.0);
  const double quadratic = 2.0 * std::max(square_sum / pairs - mean * mean, 0.0) / (n * n);
  // The variance of the rows' means holds twice what pairs of rows contribute to the distance's.
  const double linear = 4.0 * means.var().item<double>() / n;
  return {mean + constant, std::sqrt(std::max(linear - quadratic, quadratic / 2.0))};
}

}  // namespace dcgan
