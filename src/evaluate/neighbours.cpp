#include "evaluate/neighbours.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <vector>

#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kTileRows = 2048;  ///< rows of the base that are compared at a time
constexpr std::int64_t kQueryRows = 128;  ///< and of the queries, by one thread

/// Some rows of a set, as the comparison needs them.
struct Rows {
  torch::Tensor exact;    ///< float32 [n, D]
  torch::Tensor centred;  ///< float32 [n, D]: less the centre, which leaves smaller numbers
  torch::Tensor norms;    ///< float32 [n]: |centred|², less the most that rounding may add to it

  const float* row(std::int64_t i) const { return exact.data_ptr<float>() + i * exact.size(1); }
};

/// A product of D terms in float32 is off by at most about D 2^-24 |x| |y|, in whatever order it is
/// summed, and |x| |y| <= (|x|² + |y|²) / 2. Twice that, and 16 for the steps around it.
float bound_factor(std::int64_t width) {
  return 1.0F - static_cast<float>(width + 16) * std::ldexp(1.0F, -23);
}

Rows prepare(const torch::Tensor& set, std::int64_t first, std::int64_t count,
             const torch::Tensor& centre) {
  Rows rows;
  rows.exact = set.narrow(0, first, count).to(torch::kFloat32).contiguous();
  rows.centred = rows.exact - centre;
  rows.norms = rows.centred.square().sum(1).mul_(bound_factor(set.size(1)));
  return rows;
}

/// The squared distance of two rows. It is the same from either side.
double squared_distance(const float* x, const float* y, std::int64_t width) {
  return std::transform_reduce(x, x + width, y, 0.0, std::plus<>(), [](double one, double other) {
    return (one - other) * (one - other);
  });
}

/// Calls visit(query, row, squared distance) for each pair of which is_near(query, row, bound) with
/// a lower bound of it; a query's come in the order of the rows, from one thread at a time.
template <typename IsNear, typename Visit>
void for_each_near(const torch::Tensor& queries, const torch::Tensor& base, const IsNear& is_near,
                   const Visit& visit) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor centre = base.narrow(0, 0, std::min(base.size(0), kTileRows))
                                   .to(torch::kFloat32)
                                   .mean(0, /*keepdim=*/true);
  const Rows all = prepare(queries, 0, queries.size(0), centre);
  const torch::Tensor doubled = all.centred * -2.0;
  const std::int64_t blocks = (queries.size(0) + kQueryRows - 1) / kQueryRows;
  for (std::int64_t first = 0; first < base.size(0); first += kTileRows) {
    const std::int64_t count = std::min(kTileRows, base.size(0) - first);
    const Rows tile = prepare(base, first, count, centre);
    const torch::Tensor columns = tile.centred.t();
    parallel_blocks(blocks, [&](std::int64_t block) {
      const torch::NoGradGuard no_grad_here;
      const std::int64_t top = block * kQueryRows;
      const std::int64_t height = std::min(kQueryRows, queries.size(0) - top);
      const torch::Tensor bounds = doubled.narrow(0, top, height)
                                       .mm(columns)
                                       .add_(tile.norms)
                                       .add_(all.norms.narrow(0, top, height).unsqueeze(1));
      const float* bound = bounds.data_ptr<float>();
      for (std::int64_t query = top; query < top + height; ++query) {
        for (std::int64_t i = 0; i < count; ++i, ++bound) {
          if (!is_near(query, first + i, *bound)) continue;
          visit(query, first + i, squared_distance(all.row(query), tile.row(i), base.size(1)));
        }
      }
    });
  }
}

/// Of each real image, int64 [M]: how many samples hold it in their ball, or lie in its ball, and
/// the last of them that was found.
struct Holders {
  torch::Tensor count;
  torch::Tensor last = torch::zeros_like(count);

  void add(std::int64_t image, std::int64_t sample) const {
    ++count.data_ptr<std::int64_t>()[image];
    last.data_ptr<std::int64_t>()[image] = sample;
  }
  /// float64 [M]: 1 for a real image that has a holder.
  torch::Tensor held() const { return count.gt(0).to(torch::kFloat64); }
  /// float64 [N]: how many real images have each sample as their only holder.
  torch::Tensor held_alone(std::int64_t samples) const {
    return torch::bincount(last.masked_select(count.eq(1)), {}, samples).to(torch::kFloat64);
  }
};

}  // namespace

Neighbours nearest_neighbours(const torch::Tensor& queries, const torch::Tensor& base,
                              std::int64_t k) {
  const bool within = queries.is_same(base);
  // The nearest so far of every query, squared and ascending.
  const torch::Tensor nearest =
      torch::full({queries.size(0), k}, std::numeric_limits<double>::infinity(), torch::kFloat64);
  const torch::Tensor found = torch::zeros({queries.size(0), k}, torch::kInt64);
  auto* const all_squares = nearest.data_ptr<double>();
  auto* const all_indices = found.data_ptr<std::int64_t>();
  const auto is_near = [=](std::int64_t query, std::int64_t, float bound) {
    return bound < static_cast<float>(all_squares[query * k + k - 1]);
  };
  for_each_near(queries, base, is_near, [=](std::int64_t query, std::int64_t row, double square) {
    double* const squares = all_squares + query * k;
    auto* const indices = all_indices + query * k;
    if ((within && row == query) || !(square < squares[k - 1])) return;
    std::int64_t rank = k - 1;
    for (; rank > 0 && square < squares[rank - 1]; --rank) {
      squares[rank] = squares[rank - 1];
      indices[rank] = indices[rank - 1];
    }
    squares[rank] = square;
    indices[rank] = row;
  });
  return {nearest.sqrt(), found};
}

Manifold make_manifold(const torch::Tensor& features) {
  return {features, nearest_neighbours(features, features, kDensityNeighbours)};
}

Overlap overlap(const Manifold& samples, const Manifold& real) {
  const std::int64_t count = samples.features.size(0);
  const torch::Tensor narrow_radii = real.radii(kPrecisionNeighbours).contiguous();
  const torch::Tensor wide_radii = real.radii(kDensityNeighbours).contiguous();
  const torch::Tensor own_radii = samples.radii(kPrecisionNeighbours).contiguous();
  const torch::Tensor wide_limits = wide_radii.square().to(torch::kFloat32);
  const torch::Tensor own_limits = own_radii.square().to(torch::kFloat32);
  // Real balls around each sample. Several threads may count for one.
  std::vector<std::atomic<std::int32_t>> narrow(static_cast<std::size_t>(count));
  std::vector<std::atomic<std::int32_t>> wide(narrow.size());
  const torch::Tensor none = torch::zeros({real.features.size(0)}, torch::kInt64);
  const Holders recalled{none.clone()};  // by samples in whose ball it lies
  const Holders covered{none.clone()};   // by samples in its ball
  const auto is_near = [wide_limit = wide_limits.data_ptr<float>(),
                        own_limit = own_limits.data_ptr<float>()](
                           std::int64_t image, std::int64_t sample, float bound) {
    return bound < wide_limit[image] || bound < own_limit[sample];
  };
  const auto count_holders = [&](std::int64_t image, std::int64_t sample, double square) {
    const double distance = std::sqrt(square);
    const auto at = static_cast<std::size_t>(sample);
    if (distance < own_radii.data_ptr<double>()[sample]) recalled.add(image, sample);
    if (distance < narrow_radii.data_ptr<double>()[image]) ++narrow[at];
    if (distance < wide_radii.data_ptr<double>()[image]) {
      ++wide[at];
      covered.add(image, sample);
    }
  };
  // The real images are the queries, so that one thread at a time counts an image's holders.
  for_each_near(real.features, samples.features, is_near, count_holders);
  const auto as_tensor = [](const std::vector<std::atomic<std::int32_t>>& counts) {
    return torch::tensor(std::vector<double>(counts.begin(), counts.end()), torch::kFloat64);
  };
  return {as_tensor(narrow).clamp_max(1.0),
          recalled.held(),
          as_tensor(wide) / static_cast<double>(kDensityNeighbours),
          covered.held(),
          recalled.held_alone(count),
          covered.held_alone(count)};
}

Copies find_copies(const torch::Tensor& samples, const torch::Tensor& training,
                   const torch::Tensor& held_out, std::int64_t max_compared) {
  const torch::Tensor base = training.flatten(1);
  Copies copies;
  copies.sample_rows = evenly_spaced(samples.size(0), max_compared);
  const torch::Tensor held_out_rows = evenly_spaced(held_out.size(0), max_compared);
  // One search: the training images are converted once.
  const torch::Tensor queries = torch::cat({samples.flatten(1).index_select(0, copies.sample_rows),
                                            held_out.flatten(1).index_select(0, held_out_rows)});
  const Neighbours nearest = nearest_neighbours(queries, base, 1);
  const torch::Tensor distances =
      nearest.distances.select(1, 0) / (255.0 * std::sqrt(static_cast<double>(base.size(1))));
  const std::int64_t count = copies.sample_rows.size(0);
  copies.training_rows = nearest.indices.select(1, 0).narrow(0, 0, count).clone();
  copies.distances = distances.narrow(0, 0, count);
  copies.held_out_distances = distances.narrow(0, count, held_out_rows.size(0));
  return copies;
}

torch::Tensor nearest_among(const Manifold& set, std::int64_t count) {
  if (count == set.features.size(0)) return set.neighbours.distances.select(1, 0);
  const torch::Tensor some =
      set.features.index_select(0, evenly_spaced(set.features.size(0), count));
  return nearest_neighbours(some, some, 1).distances.select(1, 0);
}

torch::Tensor evenly_spaced(std::int64_t count, std::int64_t max) {
  const std::int64_t taken = std::min(count, max);
  return torch::arange(taken, torch::kInt64).mul(count).div(taken, "floor");
}

}  // namespace dcgan
