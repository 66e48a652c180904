#include "evaluate/frechet.h"

#include <algorithm>
#include <cmath>

#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

double sum_of(const torch::Tensor& tensor) { return tensor.sum().item<double>(); }

/// How often each row was drawn: float64 [N].
torch::Tensor draw_counts(std::int64_t seed, std::int64_t position, std::int64_t size) {
  torch::Tensor counts = torch::zeros({size}, torch::kFloat64);
  auto* const data = counts.data_ptr<double>();
  for (const std::int64_t row : resample(seed, Purpose::evaluation_resamples, position, size)) {
    data[row] += 1.0;
  }
  return counts;
}

/// What a resample needs of the features, computed once.
struct Projected {
  torch::Tensor centred;      ///< float64 [N, D]
  torch::Tensor projected;    ///< float64 [N, R]: centred B^T, B the reference's factor
  torch::Tensor squares;      ///< float64 [N]: |centred|²
  torch::Tensor mean_offset;  ///< float64 [D]: the features' mean - the reference's
  double reference_trace = 0.0;
};

/// The distance of the rows with their multiplicities. The covariance C of a resample enters by its
/// trace and by B C B^T = M^T M, whose eigenvalues, which are those of M M^T as well, are the
/// squared singular values of frechet_distance(): half of their digits are lost, which a deviation
/// can bear.
double weighted_distance(const Projected& set, const torch::Tensor& counts) {
  const auto count = static_cast<double>(counts.size(0));
  const torch::Tensor shift = counts.matmul(set.centred) / count;              // [D]
  const torch::Tensor projected_shift = counts.matmul(set.projected) / count;  // [R]
  const torch::Tensor drawn = counts.nonzero().squeeze(1);
  const torch::Tensor weights = (counts.index_select(0, drawn) / (count - 1.0)).sqrt();
  const torch::Tensor rows =
      (set.projected.index_select(0, drawn) - projected_shift) * weights.unsqueeze(1);
  const bool fewer_rows = rows.size(0) < rows.size(1);
  const torch::Tensor product = fewer_rows ? rows.mm(rows.t()) : rows.t().mm(rows);
  const double trace =
      (sum_of(counts * set.squares) - count * sum_of(shift.square())) / (count - 1.0);
  const double cross = sum_of(torch::linalg_eigvalsh(product).clamp_min(0.0).sqrt());
  return sum_of((set.mean_offset + shift).square()) + trace + set.reference_trace - 2.0 * cross;
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

double frechet_deviation(const torch::Tensor& features, const Gaussian& reference,
                         std::int64_t seed, std::int64_t resamples) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor wide = features.to(torch::kFloat64);
  const torch::Tensor mean = wide.mean(0);
  Projected set;
  set.centred = wide - mean;
  set.projected = set.centred.mm(reference.factor.t());
  set.squares = set.centred.square().sum(1);
  set.mean_offset = mean - reference.mean;
  set.reference_trace = sum_of(reference.factor.square());
  std::vector<double> distances;
  for (std::int64_t i = 0; i < resamples; ++i) {
    distances.push_back(weighted_distance(set, draw_counts(seed, i, features.size(0))));
  }
  return torch::tensor(distances, torch::kFloat64).std().item<double>();
}

}  // namespace dcgan
