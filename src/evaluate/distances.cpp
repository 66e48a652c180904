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

/// Of the kernel's values over pairs of a row of x and a row of y.
struct KernelSums {
  torch::Tensor rows;    ///< float64 [N]: over y
  double squares = 0.0;  ///< of their squares, over all
};

struct RowSum {
  double sum = 0.0;
  double squares = 0.0;
};

/// products: the row's with `count` rows of width 1 / scale.
RowSum sum_row(const float* products, std::int64_t count, double scale) {
  constexpr int kLanes = 4;  // one sum would wait for itself at each term
  double sums[kLanes] = {};
  double squares[kLanes] = {};
  const auto add = [&](int lane, float product) {
    const double t = static_cast<double>(product) * scale + 1.0;
    const double value = t * t * t;
    sums[lane] += value;
    squares[lane] += value * value;
  };
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int lane = 0; lane < kLanes; ++lane) add(lane, products[i + lane]);
  }
  for (; i < count; ++i) add(0, products[i]);
  return {(sums[0] + sums[1]) + (sums[2] + sums[3]),
          (squares[0] + squares[1]) + (squares[2] + squares[3])};
}

/// Where x is y itself the pairs of a row with itself are left out.
KernelSums sum_kernel(const torch::Tensor& x, const torch::Tensor& y) {
  const bool within = x.is_same(y);
  const torch::Tensor columns = y.t();
  const double scale = 1.0 / static_cast<double>(x.size(1));
  const torch::Tensor rows = torch::empty({x.size(0)}, torch::kFloat64);
  const torch::Tensor squares = torch::empty({x.size(0)}, torch::kFloat64);
  parallel_blocks((x.size(0) + kRows - 1) / kRows, [&](std::int64_t block) {
    const torch::NoGradGuard no_grad;
    const std::int64_t first = block * kRows;
    const std::int64_t count = std::min(kRows, x.size(0) - first);
    const torch::Tensor products = x.narrow(0, first, count).mm(columns);  // [count, M]
    for (std::int64_t i = 0; i < count; ++i) {
      const float* const row = products.data_ptr<float>() + i * products.size(1);
      RowSum sums = sum_row(row, products.size(1), scale);
      if (within) {
        const RowSum own = sum_row(row + first + i, 1, scale);
        sums = {sums.sum - own.sum, sums.squares - own.squares};
      }
      rows.data_ptr<double>()[first + i] = sums.sum;
      squares.data_ptr<double>()[first + i] = sums.squares;
    }
  });
  return {rows, squares.sum().item<double>()};
}

/// reference_mean: of the kernel over pairs of the reference.
Estimate distance_of(const torch::Tensor& set, const torch::Tensor& reference,
                     double reference_mean) {
  const auto n = static_cast<double>(set.size(0));
  const double pairs = n * (n - 1.0);
  const KernelSums within = sum_kernel(set, set);
  const torch::Tensor between =
      sum_kernel(set, reference).rows / static_cast<double>(reference.size(0));
  // The distance is the mean of h(x, x') = k(x, x') - between(x) - between(x') over pairs, and a
  // constant of the reference.
  const double total = between.sum().item<double>();
  const torch::Tensor means =
      (within.rows - (n - 1.0) * between - (total - between)) / (n - 1.0);  // of h: [N]
  const double mean = means.mean().item<double>();
  const double square_sum = within.squares - 4.0 * (between * within.rows).sum().item<double>() +
                            2.0 * (n - 2.0) * between.square().sum().item<double>() +
                            2.0 * total * total;
  const double quadratic = 2.0 * std::max(square_sum / pairs - mean * mean, 0.0) / (n * n);
  // The variance of the rows' means holds twice what pairs of rows contribute to the distance's.
  const double linear = 4.0 * means.var().item<double>() / n;
  return {mean + reference_mean, std::sqrt(std::max(linear - quadratic, quadratic / 2.0))};
}

}  // namespace

Gaussian fit_gaussian(const torch::Tensor& features) {
  TORCH_CHECK(features.dim() == 2 && features.size(0) >= 2, "fit_gaussian needs two rows");
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

std::vector<Estimate> kernel_distances(const std::vector<torch::Tensor>& sets,
                                       const torch::Tensor& reference, std::int64_t seed,
                                       std::int64_t max_rows) {
  const torch::NoGradGuard no_grad;
  TORCH_CHECK(reference.size(0) >= 2, "kernel_distances needs two rows of each set");
  // Not evenly spaced ones: every sixth image that MNIST has for training is unlike the others (fid
  // 0.67 of those, 0.15 of as many at random).
  const auto some_rows = [&](const torch::Tensor& set) {
    if (set.size(0) <= max_rows) return set;
    return choose_images(set, max_rows, seed, Purpose::evaluation_subsets);
  };
  const torch::Tensor base = some_rows(reference);
  const auto m = static_cast<double>(base.size(0));
  const double within = sum_kernel(base, base).rows.sum().item<double>() / (m * (m - 1.0));
  std::vector<Estimate> distances;
  for (const torch::Tensor& set : sets) {
    TORCH_CHECK(set.size(0) >= 2, "kernel_distances needs two rows of each set");
    distances.push_back(distance_of(some_rows(set), base, within));
  }
  return distances;
}

}  // namespace dcgan
