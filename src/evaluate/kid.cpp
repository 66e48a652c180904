#include "evaluate/kid.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

enum class Diagonal { counts, left_out };

/// The sum of k over all pairs of rows, or over those of different rows. The products are in the
/// tensors' type, Scalar; the sum is in double.
template <typename Scalar>
double kernel_sum(const torch::Tensor& x, const torch::Tensor& y, Diagonal diagonal) {
  const torch::Tensor products = x.mm(y.t());  // [N, M]
  const auto* const data = products.data_ptr<Scalar>();
  const std::int64_t rows = products.size(0);
  const std::int64_t columns = products.size(1);
  const double scale = 1.0 / static_cast<double>(x.size(1));
  const auto cube = [scale](Scalar product) {
    const double t = static_cast<double>(product) * scale + 1.0;
    return t * t * t;
  };
  double sum = 0.0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const Scalar* const row = data + i * columns;
    double even = 0.0;  // two sums, since one would wait for itself at each term
    double odd = 0.0;
    for (std::int64_t j = 0; j + 1 < columns; j += 2) {
      even += cube(row[j]);
      odd += cube(row[j + 1]);
    }
    if (columns % 2 == 1) even += cube(row[columns - 1]);
    sum += even + odd;
    if (diagonal == Diagonal::left_out) sum -= cube(row[i]);
  }
  return sum;
}

/// The mean over pairs of different rows.
template <typename Scalar>
double mean_within(const torch::Tensor& x) {
  const auto count = static_cast<double>(x.size(0));
  return kernel_sum<Scalar>(x, x, Diagonal::left_out) / (count * (count - 1.0));
}

template <typename Scalar>
double mean_between(const torch::Tensor& x, const torch::Tensor& y) {
  return kernel_sum<Scalar>(x, y, Diagonal::counts) / static_cast<double>(x.size(0) * y.size(0));
}

/// `count` rows of `set`, another choice for each position.
torch::Tensor subset(const torch::Tensor& set, std::int64_t count, std::int64_t seed,
                     std::int64_t position) {
  const std::vector<std::int64_t> order =
      permutation(seed, Purpose::evaluation_subsets, position, set.size(0));
  return set.index_select(0, torch::tensor(order, torch::kInt64).narrow(0, 0, count));
}

}  // namespace

double kernel_distance(const torch::Tensor& x, const torch::Tensor& y) {
  TORCH_CHECK(x.size(0) >= 2 && y.size(0) >= 2, "kernel_distance needs two rows of each set");
  const torch::NoGradGuard no_grad;
  const torch::Tensor a = x.to(torch::kFloat64);
  const torch::Tensor b = y.to(torch::kFloat64);
  return mean_within<double>(a) + mean_within<double>(b) - 2.0 * mean_between<double>(a, b);
}

std::vector<Kid> kids(const std::vector<torch::Tensor>& sets, const torch::Tensor& reference,
                      const KidOptions& options) {
  std::int64_t size = std::min(options.subset_size, reference.size(0));
  for (const torch::Tensor& set : sets) size = std::min(size, set.size(0));
  TORCH_CHECK(size >= 2 && options.subsets >= 1, "kids needs two rows of each set");
  const auto count = static_cast<std::int64_t>(sets.size());
  torch::Tensor distances = torch::empty({count, options.subsets}, torch::kFloat64);
  auto* const out = distances.data_ptr<double>();
  at::parallel_for(0, options.subsets, 1, [&](std::int64_t begin, std::int64_t end) {
    const torch::NoGradGuard no_grad;
    for (std::int64_t i = begin; i < end; ++i) {
      const torch::Tensor y = subset(reference, size, options.seed, 2 * i + 1);
      const double within = mean_within<float>(y);
      for (std::int64_t k = 0; k < count; ++k) {
        const torch::Tensor x =
            subset(sets[static_cast<std::size_t>(k)], size, options.seed, 2 * i);
        out[k * options.subsets + i] =
            mean_within<float>(x) + within - 2.0 * mean_between<float>(x, y);
      }
    }
  });
  std::vector<Kid> result;
  for (std::int64_t k = 0; k < count; ++k) {
    const torch::Tensor row = distances[k];
    result.push_back({row.mean().item<double>(), row.std(/*unbiased=*/false).item<double>()});
  }
  return result;
}

}  // namespace dcgan
