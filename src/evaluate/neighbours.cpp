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

/// Calls take(j) for each pair that may be nearer than `limit`, squared. `limit` is asked for again
/// after each, since it may have shrunk.
template <typename Limit, typename Take>
void for_each_near(const Comparison& pairs, const Limit& limit, const Take& take) {
  for (std::int64_t start = 0; start < pairs.count; start += kPairsAtOnce) {
    const std::int64_t end = std::min(start + kPairsAtOnce, pairs.count);
    const float most = limit() - pairs.query_norm;
    int near = 0;  // a count, since the compiler may sum integers in any order
    for (std::int64_t j = start; j < end; ++j) near += pairs.bounds[j] < most ? 1 : 0;
    if (near == 0) continue;
    for (std::int64_t j = start; j < end; ++j) {
      if (pairs.bounds[j] < limit() - pairs.query_norm) take(j);
    }
  }
}

/// The nearest so far of every query, squared.
class NearestSoFar {
 public:
  NearestSoFar(std::int64_t queries, std::int64_t k)
      : k_(k),
        squares_(
            torch::full({queries, k}, std::numeric_limits<double>::infinity(), torch::kFloat64)),
        indices_(torch::zeros({queries, k}, torch::kInt64)) {}

  double worst(std::int64_t query) const { return squares(query)[k_ - 1]; }

  void insert(std::int64_t query, double square, std::int64_t index) const {
    double* const near = squares(query);
    auto* const who = indices_.data_ptr<std::int64_t>() + query * k_;
    if (!(square < near[k_ - 1])) return;
    std::int64_t place = k_ - 1;
    for (; place > 0 && square < near[place - 1]; --place) {
      near[place] = near[place - 1];
      who[place] = who[place - 1];
    }
    near[place] = square;
    who[place] = index;
  }

  Neighbours result() const { return {squares_.sqrt(), indices_}; }

 private:
  double* squares(std::int64_t query) const { return squares_.data_ptr<double>() + query * k_; }

  std::int64_t k_;
  torch::Tensor squares_;
  torch::Tensor indices_;
};

Neighbours search(const torch::Tensor& queries, const torch::Tensor& base, std::int64_t k,
                  bool leave_itself_out) {
  const NearestSoFar nearest(queries.size(0), k);
  compare(queries, base, [&](const Comparison& pairs) {
    const auto limit = [&] { return static_cast<float>(nearest.worst(pairs.query)); };
    for_each_near(pairs, limit, [&](std::int64_t j) {
      if (leave_itself_out && pairs.first + j == pairs.query) return;
      nearest.insert(pairs.query, pairs.squared(j), pairs.first + j);
    });
  });
  return nearest.result();
}

/// Which samples hold a real image in their ball, or lie in its ball.
struct Holders {
  std::int64_t count = 0;
  std::int64_t last = 0;
};

/// 1 for a real image that has a holder.
torch::Tensor held(const std::vector<Holders>& images) {
  std::vector<double> numbers;
  for (const Holders& holders : images) numbers.push_back(holders.count > 0 ? 1.0 : 0.0);
  return torch::tensor(numbers, torch::kFloat64);
}

/// How many real images have each sample as their only holder.
torch::Tensor held_alone(const std::vector<Holders>& images, std::int64_t samples) {
  torch::Tensor numbers = torch::zeros({samples}, torch::kFloat64);
  for (const Holders& holders : images) {
    if (holders.count == 1) numbers.data_ptr<double>()[holders.last] += 1.0;
  }
  return numbers;
}

/// The balls of two sets, and who was found in them so far. The real images are the queries.
class OverlapSoFar {
 public:
  OverlapSoFar(const Manifold& samples, const Manifold& real)
      : narrow_(real.radii(kPrecisionNeighbours).contiguous()),
        wide_(real.radii(kDensityNeighbours).contiguous()),
        own_(samples.radii(kPrecisionNeighbours).contiguous()),
        reach_(own_.square().to(torch::kFloat32)),
        precise_(static_cast<std::size_t>(own_.size(0))),
        inside_(precise_.size()),
        recalled_(static_cast<std::size_t>(wide_.size(0))),
        covered_(recalled_.size()) {}

  void take(const Comparison& pairs) {
    const float* const reach = reach_.data_ptr<float>() + pairs.first;
    const double wide = wide_.data_ptr<double>()[pairs.query];  // no less than the narrow one
    const float wide_most = static_cast<float>(wide * wide) - pairs.query_norm;
    const float most = -pairs.query_norm;
    for (std::int64_t start = 0; start < pairs.count; start += kPairsAtOnce) {
      const std::int64_t end = std::min(start + kPairsAtOnce, pairs.count);
      int near = 0;
      for (std::int64_t j = start; j < end; ++j) {
        near += (pairs.bounds[j] < wide_most ? 1 : 0) + (pairs.bounds[j] - reach[j] < most ? 1 : 0);
      }
      if (near == 0) continue;
      for (std::int64_t j = start; j < end; ++j) {
        if (pairs.bounds[j] < wide_most || pairs.bounds[j] - reach[j] < most) {
          take_pair(pairs.first + j, pairs.query, std::sqrt(pairs.squared(j)));
        }
      }
    }
  }

  Overlap result() const {
    std::vector<double> precise(precise_.begin(), precise_.end());
    std::vector<double> inside(inside_.begin(), inside_.end());
    const std::int64_t samples = own_.size(0);
    return {torch::tensor(precise, torch::kFloat64),
            held(recalled_),
            torch::tensor(inside, torch::kFloat64) / static_cast<double>(kDensityNeighbours),
            held(covered_),
            held_alone(recalled_, samples),
            held_alone(covered_, samples)};
  }

 private:
  void take_pair(std::int64_t sample, std::int64_t real, double distance) {
    const auto hold = [sample](Holders& image) { image = {image.count + 1, sample}; };
    const auto at = static_cast<std::size_t>(real);
    const auto who = static_cast<std::size_t>(sample);
    if (distance < own_.data_ptr<double>()[sample]) hold(recalled_[at]);
    if (distance < narrow_.data_ptr<double>()[real]) precise_[who] = 1;
    if (distance < wide_.data_ptr<double>()[real]) {
      ++inside_[who];
      hold(covered_[at]);
    }
  }

  torch::Tensor narrow_;                            ///< float64 [M]: real radii, k = 3
  torch::Tensor wide_;                              ///< float64 [M]: real radii, k = 5
  torch::Tensor own_;                               ///< float64 [N]: the samples' radii, k = 3
  torch::Tensor reach_;                             ///< float32 [N]: own_²
  std::vector<std::atomic<std::int32_t>> precise_;  ///< [N]: by any thread
  std::vector<std::atomic<std::int32_t>> inside_;   ///< [N]: real balls around a sample
  std::vector<Holders> recalled_;                   ///< [M]: whose ball a real image lies in
  std::vector<Holders> covered_;                    ///< [M]: who lies in a real image's ball
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
  OverlapSoFar so_far(samples, real);
  compare(real.features, samples.features,
          [&so_far](const Comparison& pairs) { so_far.take(pairs); });
  return so_far.result();
}

}  // namespace dcgan
