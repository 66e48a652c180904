#include "training/warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/text.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr double kSureOfReal = 0.98;
constexpr double kSureOfFake = 0.02;
constexpr double kLeastDiversity = 0.25;  // of the real images'
constexpr double kLeastGradient = 1e-3;   // of the largest one at the beginning
constexpr double kMaxR1Gamma = 1e6;       // that train.r1_gamma takes
constexpr double kLeastShare = 0.1;       // of the real share
constexpr double kWidestSwing = 4.0;      // standard deviation of G's loss, in nats

double mean(const std::deque<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// The standard deviation without the largest and the smallest tenth: one outlier is no swing.
double deviation(std::deque<double> values) {
  std::sort(values.begin(), values.end());
  const auto cut = static_cast<std::ptrdiff_t>(values.size() / 10);
  values.erase(values.end() - cut, values.end());
  values.erase(values.begin(), values.begin() + cut);
  const double middle = mean(values);
  const double squares = std::accumulate(
      values.begin(), values.end(), 0.0,
      [middle](double sum, double value) { return sum + (value - middle) * (value - middle); });
  return std::sqrt(squares / static_cast<double>(values.size()));
}

void push(std::deque<double>& values, double value, std::size_t most) {
  values.push_back(value);
  if (values.size() > most) values.pop_front();
}

}  // namespace

Monitor::Monitor(const TrainConfig& train)
    : checked_every_(train.log_every),
      advised_r1_gamma_(std::clamp(2 * train.r1_gamma, 1.0, kMaxR1Gamma)),
      of_probabilities_(is_of_probabilities(train.loss)) {
  constexpr std::int64_t kLooks = 10;
  constexpr std::int64_t kSteps = 300;
  patience_ =
      static_cast<std::size_t>(std::max(kLooks, (kSteps + checked_every_ - 1) / checked_every_));
}

bool Monitor::lasts(Trouble trouble, bool shows) {
  std::size_t& in_a_row = in_a_row_[trouble];
  in_a_row = shows ? in_a_row + 1 : 0;
  return in_a_row >= patience_ && once(trouble);
}

std::vector<std::string> Monitor::check(const Observation& seen) {
  if (++checks_ <= patience_) {
    first_gradient_ = std::max(first_gradient_, seen.gradient);
    return {};
  }
  push(generator_losses_, seen.numbers.generator_loss, 2 * patience_);
  push(real_scores_, seen.numbers.real_score, patience_);
  push(fake_scores_, seen.numbers.fake_score, patience_);
  const std::int64_t steps = static_cast<std::int64_t>(patience_) * checked_every_;
  const std::string r1_gamma = format_real(advised_r1_gamma_);
  std::vector<std::string> warnings;
  // One doubtful batch among many sure ones changes nothing: the mean counts.
  if (of_probabilities_ && real_scores_.size() == patience_ && mean(real_scores_) > kSureOfReal &&
      mean(fake_scores_) < kSureOfFake && once(Trouble::discriminator_wins)) {
    warnings.push_back(fmt::format(
        "the discriminator wins: for {} steps it has been sure of nearly every image (D(x) "
        "{:.2f} and D(G(z)) {:.2f} on average), so the generator learns little from it; try "
        "train.r1_gamma: {}, a lower discriminator.lr, or the Wasserstein distance as in "
        "--config wgan.yaml",
        steps, mean(real_scores_), mean(fake_scores_), r1_gamma));
  }
  if (lasts(Trouble::collapse, seen.fake_diversity < kLeastDiversity * seen.real_diversity)) {
    warnings.push_back(fmt::format(
        "the samples collapse: for {} steps they have differed from each other {:.0f} % as "
        "much as real images do, so the generator draws the same few pictures; try "
        "train.r1_gamma: {}, a lower generator.lr, or a larger train.batch_size",
        steps, 100 * seen.fake_diversity / seen.real_diversity, r1_gamma));
  }
  if (lasts(Trouble::vanishing_gradient, seen.gradient < kLeastGradient * first_gradient_)) {
    warnings.push_back(fmt::format(
        "the generator's gradient vanishes: for {} steps it has been under a thousandth of "
        "what it was at the beginning, so the generator stands still; try train.loss: "
        "non_saturating, generator.batch_norm and discriminator.batch_norm: true, or a lower "
        "discriminator.lr",
        steps));
  }
  const bool swings = of_probabilities_ && generator_losses_.size() == 2 * patience_ &&
                      deviation(generator_losses_) > kWidestSwing;
  if (lasts(Trouble::swinging_loss, swings)) {
    const auto [least, most] =
        std::minmax_element(generator_losses_.begin(), generator_losses_.end());
    warnings.push_back(fmt::format(
        "the losses swing apart: the generator's went between {:.1f} and {:.1f} in the last "
        "{} steps, so the networks chase each other instead of learning; try lower "
        "generator.lr and discriminator.lr, train.r1_gamma: {}, or the Wasserstein distance "
        "as in --config wgan.yaml",
        *least, *most, 2 * steps, r1_gamma));
  }
  return warnings;
}

std::vector<std::string> Monitor::check_classes(const std::vector<double>& shares,
                                                const std::vector<double>& real_shares,
                                                const std::vector<std::string>& names) {
  std::set<std::size_t> missing;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] < kLeastShare * real_shares[i]) missing.insert(i);
  }
  std::vector<std::string> lasting;
  for (const std::size_t i : missing) {
    if (missing_before_.contains(i)) lasting.push_back(printable(class_name(names, i)));
  }
  ++evaluations_;
  missing_before_ = evaluations_ > 1 ? missing : std::set<std::size_t>();
  if (lasting.empty() || !once(Trouble::missing_class)) return {};
  return {
      fmt::format("class{} {} missing from the samples in two evaluations in a row: the "
                  "generator has forgotten part of the data; try train.r1_gamma: {}, lower "
                  "learning rates, or a larger train.batch_size",
                  lasting.size() > 1 ? "es" : "",
                  fmt::format("{} {}", fmt::join(lasting, ", "), lasting.size() > 1 ? "are" : "is"),
                  format_real(advised_r1_gamma_))};
}

torch::Tensor diversity(const torch::Tensor& images) {
  return images.detach().var(/*dim=*/0, /*unbiased=*/true).mean().sqrt();
}

torch::Tensor gradient_size(const Network& network) {
  std::vector<torch::Tensor> squares;
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : parameters(network)) {
    TORCH_CHECK(parameter.grad().defined(), "a parameter has no gradient");
    squares.push_back(parameter.grad().square().sum());
    count += parameter.numel();
  }
  return (torch::stack(squares).sum() / static_cast<double>(count)).sqrt();
}

}  // namespace dcgan
