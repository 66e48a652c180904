#include "evaluate/neighbours.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <vector>

#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kTileRows = 2048;   ///< rows of the base that are compared at a time
constexpr std::int64_t kQueryRows = 128;   ///< and of the queries, by one thread
constexpr std::int64_t kPairsAtOnce = 32;  ///< looked at together, since most of them are far

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
  const auto term = [x, y](std::int64_t i) {
    const double difference = static_cast<double>(x[i]) - static_cast<double>(y[i]);
    return difference * difference;
  };
  double sums[4] = {};  // one sum would wait for itself at each term
  std::int64_t i = 0;
  for (; i + 3 < width; i += 4) {
    for (int lane = 0; lane < 4; ++lane) sums[lane] += term(i + lane);
  }
  for (; i < width; ++i) sums[0] += term(i);
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// One query against consecutive rows of the base: bounds[j] + query_norm is at most the squared
/// distance to row first + j.
struct Comparison {
  std::int64_t query;
  float query_norm;
  std::int64_t first;
  std::int64_t count;
  const float* bounds;
  const float* query_row;
  const Rows& tile;

  double squared(std::int64_t j) const {
    return squared_distance(query_row, tile.row(j), tile.exact.size(1));
  }
};

/// Calls visit(Comparison) for each query and each tile of the base; a query's come in order, from
/// one thread at a time.
template <typename Visit>
void compare(const torch::Tensor& queries, const torch::Tensor& base, const Visit& visit) {
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
      const torch::Tensor bounds = doubled.narrow(0, top, height).mm(columns).add_(tile.norms);
      for (std::int64_t i = 0; i < height; ++i) {
        visit(Comparison{top + i, all.norms.data_ptr<float>()[top + i], first, count,
                         bounds.data_ptr<float>() + i * count, all.row(top + i), tile});
      }
    });
  }
}

/// Calls take(j) for each pair of which is_near(j), which may be true of fewer after each.
template <typename IsNear, typename Take>
void for_each_near(const Comparison& pairs, const IsNear& is_near, const Take& take) {
  for (std::int64_t start = 0; start < pairs.count; start += kPairsAtOnce) {
    const std::int64_t end = std::min(start + kPairsAtOnce, pairs.count);
    int near = 0;  // a count, since the compiler may sum integers in any order
    for (std::int64_t j = start; j < end; ++j) near += is_near(j) ? 1 : 0;
    if (near == 0) continue;
    for (std::int64_t j = start; j < end; ++j) {
      if (is_near(j)) take(j);
    }
  }
}

Neighbours search(const torch::Tensor& queries, const torch::Tensor& base, std::int64_t k,
                  bool leave_itself_out) {
  // The nearest so far of every query, squared and ascending.
  const Neighbours nearest{
      torch::full({queries.size(0), k}, std::numeric_limits<double>::infinity(), torch::kFloat64),
      torch::zeros({queries.size(0), k}, torch::kInt64)};
  compare(queries, base, [&](const Comparison& pairs) {
    double* const squares = nearest.distances.data_ptr<double>() + pairs.query * k;
    auto* const indices = nearest.indices.data_ptr<std::int64_t>() + pairs.query * k;
    const auto is_near = [&](std::int64_t j) {
      return pairs.bounds[j] < static_cast<float>(squares[k - 1]) - pairs.query_norm;
    };
    for_each_near(pairs, is_near, [&](std::int64_t j) {
      if (leave_itself_out && pairs.first + j == pairs.query) return;
      const double square = pairs.squared(j);
      if (!(square < squares[k - 1])) return;
      std::int64_t rank = k - 1;
      for (; rank > 0 && square < squares[rank - 1]; --rank) {
        squares[rank] = squares[rank - 1];
        indices[rank] = indices[rank - 1];
      }
      squares[rank] = square;
      indices[rank] = pairs.first + j;
    });
  });
  return {nearest.distances.sqrt(), nearest.indices};
}

/// Of each real image: how many samples hold it in their ball, or lie in its ball, and the last of
/// them that was found.
struct Holders {
  torch::Tensor count;  ///< int64 [M]
  torch::Tensor last;   ///< int64 [M]

  explicit Holders(std::int64_t images)
      : count(torch::zeros({images}, torch::kInt64)), last(torch::zeros_like(count)) {}
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
  TORCH_CHECK(queries.size(1) == base.size(1) && k >= 1 && base.size(0) >= k,
              "nearest_neighbours needs k rows of the same width");
  return search(queries, base, k, /*leave_itself_out=*/false);
}

Neighbours nearest_others(const torch::Tensor& set, std::int64_t k) {
  TORCH_CHECK(k >= 1 && set.size(0) > k, "nearest_others needs more than k rows");
  return search(set, set, k, /*leave_itself_out=*/true);
}

Manifold make_manifold(const torch::Tensor& features) {
  return {features, nearest_others(features, kDensityNeighbours)};
}

Overlap overlap(const Manifold& samples, const Manifold& real) {
  TORCH_CHECK(samples.features.size(1) == real.features.size(1), "features of different widths");
  const std::int64_t count = samples.features.size(0);
  const torch::Tensor narrow_radii = real.radii(kPrecisionNeighbours).contiguous();
  const torch::Tensor wide_radii = real.radii(kDensityNeighbours).contiguous();
  const torch::Tensor own_radii = samples.radii(kPrecisionNeighbours).contiguous();
  const torch::Tensor own_squares = own_radii.square().to(torch::kFloat32);
  const auto* const own = own_radii.data_ptr<double>();
  // Real balls around each sample. Several threads may count for one.
  std::vector<std::atomic<std::int32_t>> narrow(static_cast<std::size_t>(count));
  std::vector<std::atomic<std::int32_t>> wide(narrow.size());
  const Holders recalled(real.features.size(0));  // by samples in whose ball it lies
  const Holders covered(real.features.size(0));   // by samples in its ball
  // The real images are the queries, so that one thread at a time counts an image's holders.
  compare(real.features, samples.features, [&](const Comparison& pairs) {
    const double narrow_radius = narrow_radii.data_ptr<double>()[pairs.query];
    const double wide_radius = wide_radii.data_ptr<double>()[pairs.query];  // no less than narrow
    const float wide_limit = static_cast<float>(wide_radius * wide_radius) - pairs.query_norm;
    const float* const squares = own_squares.data_ptr<float>() + pairs.first;
    const auto is_near = [=, &pairs](std::int64_t j) {
      return pairs.bounds[j] < wide_limit || pairs.bounds[j] - squares[j] < -pairs.query_norm;
    };
    for_each_near(pairs, is_near, [&](std::int64_t j) {
      const double distance = std::sqrt(pairs.squared(j));
      const std::int64_t sample = pairs.first + j;
      const auto at = static_cast<std::size_t>(sample);
      if (distance < own[sample]) recalled.add(pairs.query, sample);
      if (distance < narrow_radius) ++narrow[at];
      if (distance < wide_radius) {
        ++wide[at];
        covered.add(pairs.query, sample);
      }
    });
  });
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
  TORCH_CHECK(samples.sizes().slice(1) == training.sizes().slice(1) &&
                  held_out.sizes().slice(1) == training.sizes().slice(1),
              "find_copies needs images of one size");
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

double copy_threshold(const Copies& copies) {
  return copies.held_out_distances.quantile(0.01).item<double>();
}

torch::Tensor nearest_among(const Manifold& set, std::int64_t count) {
  if (count == set.features.size(0)) return set.neighbours.distances.select(1, 0);
  const torch::Tensor rows = evenly_spaced(set.features.size(0), count);
  return nearest_others(set.features.index_select(0, rows), 1).distances.select(1, 0);
}

torch::Tensor evenly_spaced(std::int64_t count, std::int64_t max) {
  const std::int64_t taken = std::min(count, max);
  return torch::arange(taken, torch::kInt64).mul(count).div(taken, "floor");
}

}  // namespace dcgan
