#include "evaluate/frechet.h"

#include <algorithm>
#include <cmath>

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

/// Of the rows first, first + 2, ...
Gaussian fit_half(const torch::Tensor& features, std::int64_t first) {
  return fit_gaussian(features.slice(/*dim=*/0, first, features.size(0), /*step=*/2));
}

double covariance(const torch::Tensor& a, const torch::Tensor& b) {
  return sum_of((a - a.mean()) * (b - b.mean())) / static_cast<double>(a.size(0) - 1);
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
  const double clean =
      covariance(influences_of(fit_half(features, 0)), influences_of(fit_half(features, 1)));
  const double variance = (covariance(all, all) + std::max(clean, 0.0)) / 2.0;
  return std::sqrt(variance / static_cast<double>(rows.size(0)));
}

}  // namespace dcgan
