#include "dcgan/evaluate/kernel.h"

#include <ATen/Parallel.h>
#include <torch/torch.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "dcgan/data/random.h"

namespace dcgan {
namespace {

enum class Diagonal { counts, left_out };

/// The sum of k over all pairs of rows, or over those of different rows.
double kernel_sum(const torch::Tensor& x, const torch::Tensor& y, Diagonal diagonal) {
  const torch::Tensor products = x.mm(y.t());  // float64 [N, M]
  const auto* const data = products.data_ptr<double>();
  const std::int64_t rows = products.size(0);
  const std::int64_t columns = products.size(1);
  const double scale = 1.0 / static_cast<double>(x.size(1));
  const auto cube = [scale](double product) {
    const double t = product * scale + 1.0;
    return t * t * t;
  };
  double sum = 0.0;
  for (std::int64_t i = 0; i < rows; ++i) {
    const double* const row = data + i * columns;
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

/// The same of float64 tensors.
double wide_kernel_distance(const torch::Tensor& x, const torch::Tensor& y) {
  const auto n = static_cast<double>(x.size(0));
  const auto m = static_cast<double>(y.size(0));
  return kernel_sum(x, x, Diagonal::left_out) / (n * (n - 1.0)) +
         kernel_sum(y, y, Diagonal::left_out) / (m * (m - 1.0)) -
         2.0 * kernel_sum(x, y, Diagonal::counts) / (n * m);
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
  return wide_kernel_distance(x.to(torch::kFloat64), y.to(torch::kFloat64));
}

Kid kid(const torch::Tensor& samples, const torch::Tensor& reference, const KidOptions& options) {
  const std::int64_t size = std::min({options.subset_size, samples.size(0), reference.size(0)});
  TORCH_CHECK(size >= 2 && options.subsets >= 1, "kid needs two rows of each set");
  const torch::Tensor x = samples.to(torch::kFloat64);
  const torch::Tensor y = reference.to(torch::kFloat64);
  torch::Tensor distances = torch::empty({options.subsets}, torch::kFloat64);
  auto* const out = distances.data_ptr<double>();
  at::parallel_for(0, options.subsets, 1, [&](std::int64_t begin, std::int64_t end) {
    const torch::NoGradGuard no_grad;
    for (std::int64_t i = begin; i < end; ++i) {
      out[i] = wide_kernel_distance(subset(x, size, options.seed, 2 * i),
                                    subset(y, size, options.seed, 2 * i + 1));
    }
  });
  return {distances.mean().item<double>(), distances.std(/*unbiased=*/false).item<double>()};
}

}  // namespace dcgan
