#include "evaluate/classes.h"

#include <algorithm>
#include <cmath>

#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr double kMinShare = 0.1;     ///< of its real share, for a class to count as a mode
constexpr double kExtraImages = 0.5;  ///< images that each real class counts more than it has

}  // namespace

std::vector<double> shares_of(const ClassSummary& classes) {
  const torch::Tensor shares = classes.counts / static_cast<double>(classes.size());
  const auto* const data = shares.data_ptr<double>();
  return {data, data + shares.numel()};
}

ClassSummary summarise_classes(const torch::Tensor& logits) {
  const torch::NoGradGuard no_grad;
  const auto [confidence, labels] = logits.to(torch::kFloat64).softmax(1).max(1);
  return {labels, torch::bincount(labels, {}, logits.size(1)).to(torch::kFloat64), confidence};
}

std::int64_t modes_covered(const torch::Tensor& counts, const torch::Tensor& real_counts) {
  const torch::Tensor real = real_counts / real_counts.sum();
  const torch::Tensor covered = real.gt(0.0) & (counts / counts.sum() >= kMinShare * real);
  return covered.sum().item<std::int64_t>();
}

double modes_lost_by_chance(const torch::Tensor& real_counts, std::int64_t size) {
  constexpr double kRare = 0.0005;
  const torch::Tensor expected =
      real_counts.masked_select(real_counts > 0.0) * (size / real_counts.sum());
  // A class's count is a Poisson number, nearly, and so is how many classes have too few images:
  // P(x < n) is the upper incomplete gamma function of n.
  const torch::Tensor lost = torch::igammac((expected * kMinShare).ceil(), expected).sum();
  double most = 0.0;
  const auto likely = [&](double count) {  // P(x >= count)
    return torch::igamma(torch::full_like(lost, count), lost).item<double>() > kRare;
  };
  while (likely(most + 1.0)) ++most;
  return most;
}

Estimate class_divergence(const torch::Tensor& counts, const torch::Tensor& real_counts) {
  const double size = counts.sum().item<double>();
  const torch::Tensor real = real_counts + kExtraImages;
  const torch::Tensor shares = counts / size;
  const torch::Tensor ratios =
      (shares * real.sum() / real).log().masked_fill(counts.eq(0.0), 0.0);  // log(p / q)
  const double sum = shares.dot(ratios).item<double>();
  const double squares = shares.dot(ratios.square()).item<double>();
  // Between equal shares the divergence is chi-squared / 2N, of classes - 1 degrees of freedom. The
  // logarithms' variance holds twice that, since they are of these samples' own shares.
  const double degrees = std::max(real_counts.count_nonzero().item<double>() - 1.0, 0.0);
  const double quadratic = degrees / (2.0 * size * size);
  const double linear = (squares - sum * sum) / size;
  return {sum, std::sqrt(std::max(linear - quadratic, quadratic / 2.0))};
}

Estimate inception_score(const torch::Tensor& logits, std::int64_t splits) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor log_p = logits.to(torch::kFloat64).log_softmax(1);
  const torch::Tensor p = log_p.exp();
  std::vector<double> scores;
  for (std::int64_t i = 0; i < splits; ++i) {
    const auto rows = torch::indexing::Slice(i, torch::indexing::None, splits);
    const torch::Tensor part = p.index({rows});
    const torch::Tensor log_mean = part.mean(0).log();
    // Where p is 0 its term is 0, whatever the logarithms are.
    const torch::Tensor terms =
        torch::where(part > 0, part * (log_p.index({rows}) - log_mean), torch::zeros_like(part));
    scores.push_back(std::exp(terms.sum(1).mean().item<double>()));
  }
  const torch::Tensor all = torch::tensor(scores, torch::kFloat64);
  return {all.mean().item<double>(), all.std(/*unbiased=*/false).item<double>() /
                                         std::sqrt(static_cast<double>(splits) - 1.0)};
}

}  // namespace dcgan
