#include "evaluate/classes.h"

#include <algorithm>
#include <cmath>

#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr double kMinShare = 0.1;     ///< of its real share, for a class to count as a mode
constexpr double kExtraImages = 0.5;  ///< images that each real class counts more than it has

double total(const std::vector<std::int64_t>& counts) {
  double sum = 0.0;
  for (const std::int64_t count : counts) sum += static_cast<double>(count);
  return sum;
}

}  // namespace

std::vector<double> shares_of(const ClassSummary& classes) {
  std::vector<double> shares;
  for (const std::int64_t count : classes.counts) {
    shares.push_back(static_cast<double>(count) / static_cast<double>(classes.size()));
  }
  return shares;
}

ClassSummary summarise_classes(const torch::Tensor& logits) {
  const torch::NoGradGuard no_grad;
  const auto best = logits.to(torch::kFloat64).softmax(1).max(1);
  ClassSummary summary;
  summary.confidence = std::get<0>(best);
  summary.labels = std::get<1>(best);
  const torch::Tensor counts = torch::bincount(summary.labels, {}, logits.size(1));
  const auto* const data = counts.data_ptr<std::int64_t>();
  summary.counts.assign(data, data + counts.numel());
  return summary;
}

std::int64_t modes_covered(const std::vector<std::int64_t>& counts,
                           const std::vector<std::int64_t>& real_counts) {
  TORCH_CHECK(counts.size() == real_counts.size(), "counts of different classes");
  const double size = total(counts);
  const double real_size = total(real_counts);
  std::int64_t modes = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double real_share = static_cast<double>(real_counts[i]) / real_size;
    const double share = static_cast<double>(counts[i]) / size;
    if (real_share > 0.0 && share >= kMinShare * real_share) ++modes;
  }
  return modes;
}

std::int64_t modes_lost_by_chance(const std::vector<std::int64_t>& real_counts, std::int64_t size) {
  constexpr double kRare = 0.0005;
  const torch::Tensor expected = torch::tensor(real_counts, torch::kFloat64) *
                                 (static_cast<double>(size) / total(real_counts));
  const torch::Tensor there = expected.index({expected > 0.0});
  // A class's count is a Poisson number, nearly, and so is how many classes have too few images:
  // P(x < n) is the upper incomplete gamma function of n.
  const torch::Tensor lost = torch::igammac((there * kMinShare).ceil(), there).sum();
  std::int64_t most = 0;
  const auto is_likely = [&](std::int64_t count) {
    const auto number = torch::tensor(static_cast<double>(count), torch::kFloat64);
    return torch::igamma(number, lost).item<double>() > kRare;  // P(x >= count)
  };
  while (is_likely(most + 1)) ++most;
  return most;
}

Estimate class_divergence(const std::vector<std::int64_t>& counts,
                          const std::vector<std::int64_t>& real_counts) {
  TORCH_CHECK(counts.size() == real_counts.size(), "counts of different classes");
  const double size = total(counts);
  const double real_size = total(real_counts) + kExtraImages * static_cast<double>(counts.size());
  double classes = 0.0;  // among the real images
  double sum = 0.0;      // of log(p / q) of each class's shares, weighted by p
  double squares = 0.0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (real_counts[i] > 0) ++classes;
    if (counts[i] == 0) continue;
    const double share = static_cast<double>(counts[i]) / size;
    const double ratio =
        std::log(share * real_size / (static_cast<double>(real_counts[i]) + kExtraImages));
    sum += share * ratio;
    squares += share * ratio * ratio;
  }
  // Between equal shares the divergence is chi-squared / 2N, of classes - 1 degrees of freedom. The
  // logarithms' variance holds twice that, since they are of these samples' own shares.
  const double quadratic = std::max(classes - 1.0, 0.0) / (2.0 * size * size);
  const double linear = (squares - sum * sum) / size;
  return {sum, std::sqrt(std::max(linear - quadratic, quadratic / 2.0))};
}

Estimate inception_score(const torch::Tensor& logits, std::int64_t splits) {
  TORCH_CHECK(splits >= 2 && logits.size(0) >= splits, "inception_score needs a row a split");
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
