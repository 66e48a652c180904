#include "evaluate/copies.h"

#include <algorithm>
#include <cmath>

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// From squares summed over bytes to means over [0, 1].
torch::Tensor as_rms(const torch::Tensor& distances, std::int64_t pixels) {
  return distances / (255.0 * std::sqrt(static_cast<double>(pixels)));
}

}  // namespace

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
  const torch::Tensor distances = as_rms(nearest.distances.select(1, 0), base.size(1));
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
