#include "training/warnings.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr double kSureOfReal = 0.98;
constexpr double kSureOfFake = 0.02;
constexpr double kLeastDiversity = 0.25;   // of the real images'
constexpr double kLeastGradient = 1e-3;    // of the largest one at the beginning
constexpr double kMaxR1Gamma = 1e6;        // that train.r1_gamma takes
constexpr double kLeastShare = 0.1;        // of the real share
constexpr double kVisiblePattern = 0.005;  // of the spectrum's energy
constexpr double kMostPattern = 10.0;      // times the real images'
constexpr double kWidestSwing = 4.0;       // standard deviation of G's loss, in nats

/// The standard deviation without the largest and the smallest tenth: one outlier is no swing.
double deviation(const torch::Tensor& values) {
  const std::int64_t cut = values.size(0) / 10;
  const torch::Tensor sorted = std::get<0>(values.sort());
  return sorted.slice(0, cut, values.size(0) - cut).std(/*unbiased=*/false).item<double>();
}

}  // namespace

Monitor::Monitor(const TrainConfig& train)
    : checked_every_(train.log_every),
      advised_r1_gamma_(std::clamp(2 * train.r1_gamma, 1.0, kMaxR1Gamma)),
      translates_(train.translation > 0),
      of_probabilities_(is_of_probabilities(train.loss)) {
  constexpr std::int64_t kSteps = 300;
  const std::int64_t checks = (kSteps + checked_every_ - 1) / checked_every_;
  patience_ = static_cast<std::size_t>(std::max<std::int64_t>(checks, 10));
}

bool Monitor::lasts(Trouble trouble, bool shows) {
  std::size_t& in_a_row = in_a_row_[trouble];
  in_a_row = shows ? in_a_row + 1 : 0;
  return in_a_row >= patience_ && once(trouble);
}

torch::Tensor Monitor::latest(double StepNumbers::*number, std::size_t count) const {
  std::vector<double> values;
  for (std::size_t i = recent_.size() - count; i < recent_.size(); ++i) {
    values.push_back(recent_[i].*number);
  }
  return torch::tensor(values, torch::kFloat64);
}

std::vector<std::string> Monitor::check(const Observation& seen) {
  if (++checks_ <= patience_) {
    first_gradient_ = std::max(first_gradient_, seen.gradient);
    return {};
  }
  recent_.push_back(seen.numbers);
  if (recent_.size() > 2 * patience_) recent_.pop_front();
  const std::int64_t steps = static_cast<std::int64_t>(patience_) * checked_every_;
  const std::string r1_gamma = format_real(advised_r1_gamma_);
  std::vector<std::string> warnings;
  if (of_probabilities_ && recent_.size() >= patience_) {
    // One doubtful batch among many sure ones changes nothing: the mean counts.
    const auto mean = [this](double StepNumbers::*number) {
      return latest(number, patience_).mean().item<double>();
    };
    const double real = mean(&StepNumbers::real_score);
    const double fake = mean(&StepNumbers::fake_score);
    if (real > kSureOfReal && fake < kSureOfFake && once(Trouble::discriminator_wins)) {
      warnings.push_back(fmt::format(
          "the discriminator wins: for {} steps it has been sure of nearly every image (D(x) "
          "{:.2f} and D(G(z)) {:.2f} on average), so the generator learns little from it; try "
          "train.r1_gamma: {}, a lower discriminator.lr, or the Wasserstein distance as in "
          "--config wgan.yaml",
          steps, real, fake, r1_gamma));
    }
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
        "non_saturating, generator.norm and discriminator.norm: batch, or a lower "
        "discriminator.lr",
        steps));
  }
  torch::Tensor losses;
  if (of_probabilities_ && recent_.size() == 2 * patience_) {
    losses = latest(&StepNumbers::generator_loss, recent_.size());
  }
  if (lasts(Trouble::swing, losses.defined() && deviation(losses) > kWidestSwing)) {
    warnings.push_back(fmt::format(
        "the losses swing apart: the generator's went between {:.1f} and {:.1f} in the last "
        "{} steps, so the networks chase each other instead of learning; try lower "
        "generator.lr and discriminator.lr, train.r1_gamma: {}, or the Wasserstein distance "
        "as in --config wgan.yaml",
        losses.min().item<double>(), losses.max().item<double>(), 2 * steps, r1_gamma));
  }
  const double most = std::max(kVisiblePattern, kMostPattern * seen.real_period2);
  if (lasts(Trouble::pattern, seen.fake_period2 > most)) {
    warnings.push_back(fmt::format(
        "a pattern of two pixels lies over the samples: for {} steps it has had more than {:.2f} % "
        "of their energy, now {:.2f} %, where real images have {:.2f} %; try {}model.upsampling: "
        "nearest",
        steps, 100 * most, 100 * seen.fake_period2, 100 * seen.real_period2,
        translates_ ? "train.translation: 0, or " : ""));
  }
  return warnings;
}

std::vector<std::string> Monitor::check_classes(const std::vector<double>& shares,
                                                const std::vector<double>& real_shares,
                                                const std::vector<std::string>& names) {
  std::set<std::size_t> missing;
  std::vector<std::string> lasting;
  for (std::size_t i = 0; i < shares.size(); ++i) {
    if (shares[i] >= kLeastShare * real_shares[i]) continue;
    missing.insert(i);
    if (missing_before_.contains(i)) lasting.push_back(printable(class_name(names, i)));
  }
  if (std::exchange(evaluated_, true)) missing_before_ = missing;
  if (lasting.empty() || !once(Trouble::missing_class)) return {};
  const bool one = lasting.size() == 1;
  return {
      fmt::format("{} {} {} missing from the samples in two evaluations in a row: the generator "
                  "has forgotten part of the data; try train.r1_gamma: {}, lower learning rates, "
                  "or a larger train.batch_size",
                  one ? "class" : "classes", fmt::join(lasting, ", "), one ? "is" : "are",
                  format_real(advised_r1_gamma_))};
}

torch::Tensor diversity(const torch::Tensor& images) {
  return images.detach().var(/*dim=*/0, /*unbiased=*/true).mean().sqrt();
}

torch::Tensor gradient_size(const Network& network) {
  std::vector<torch::Tensor> squares;
  std::int64_t count = 0;
  for (const auto& [name, parameter] : trained_parameters(network)) {
    squares.push_back(parameter.grad().square().sum());
    count += parameter.numel();
  }
  return (torch::stack(squares).sum() / static_cast<double>(count)).sqrt();
}

}  // namespace dcgan
