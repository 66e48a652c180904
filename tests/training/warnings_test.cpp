#include "training/warnings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/torch.h"
#include "support/small_state.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;

constexpr std::int64_t kEvery = 50;
constexpr std::size_t kPatience = 10;  ///< checks, at 50 steps each

/// A training in which nothing is wrong.
Observation healthy() {
  Observation seen;
  seen.numbers = {1.0, 1.5, 0.7, 0.3, 0.25, {}, {}, {}};
  seen.gradient = 1e-3;
  seen.fake_diversity = 0.4;
  seen.real_diversity = 0.5;
  seen.fake_period2 = 0.0039;
  seen.real_period2 = 0.001;
  return seen;
}

TrainConfig training(std::int64_t checked_every, LossKind loss = LossKind::non_saturating) {
  TrainConfig config;
  config.log_every = checked_every;
  config.loss = loss;
  return config;
}

/// The warnings of `count` checks, after a beginning of healthy ones.
template <typename Change>
std::vector<std::string> warnings_of(std::size_t count, Change change) {
  Monitor monitor(training(kEvery));
  std::vector<std::string> all;
  for (std::size_t i = 0; i < kPatience + count; ++i) {
    Observation seen = healthy();
    if (i >= kPatience) change(seen, i);
    for (std::string& warning : monitor.check(seen)) all.push_back(std::move(warning));
  }
  return all;
}

void expect_one(const std::vector<std::string>& warnings, const std::string& text) {
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0], HasSubstr(text));
  EXPECT_THAT(warnings[0], HasSubstr("; try "));
}

TEST(Monitor, WaitsForTenLooksAndThreeHundredSteps) {
  EXPECT_EQ(Monitor(training(50)).patience(), kPatience);
  EXPECT_EQ(Monitor(training(1000)).patience(), 10U);
  EXPECT_EQ(Monitor(training(4)).patience(), 75U);
}

TEST(Monitor, IsSilentWhenAllIsWell) {
  EXPECT_TRUE(warnings_of(100, [](Observation&, std::size_t) {}).empty());
}

TEST(Monitor, IgnoresTheBeginning) {
  Monitor monitor(training(kEvery));
  Observation seen = healthy();
  seen.fake_diversity = 0;
  for (std::size_t i = 0; i < kPatience; ++i) EXPECT_TRUE(monitor.check(seen).empty());
}

TEST(Monitor, SaysOnceThatTheDiscriminatorWins) {
  const auto wins = [](Observation& seen, std::size_t) {
    seen.numbers.real_score = 0.995;
    seen.numbers.fake_score = 0.004;
  };
  EXPECT_TRUE(warnings_of(kPatience - 1, wins).empty());
  expect_one(
      warnings_of(50, wins),
      "the discriminator wins: for 500 steps it has been sure of nearly every image (D(x) 0.99");
}

TEST(Monitor, ADoubtfulBatchNowAndThenDoesNotHideThatTheDiscriminatorWins) {
  expect_one(warnings_of(50,
                         [](Observation& seen, std::size_t i) {
                           seen.numbers.real_score = i % 4 == 0 ? 0.96 : 0.99;
                           seen.numbers.fake_score = i % 4 == 0 ? 0.045 : 0.01;
                         }),
             "(D(x) 0.98 and D(G(z)) 0.02 on average)");
}

TEST(Monitor, ADiscriminatorThatIsMostlyRightHasNotWon) {
  EXPECT_TRUE(warnings_of(200, [](Observation& seen, std::size_t) {
                seen.numbers.real_score = 0.95;
                seen.numbers.fake_score = 0.05;
              }).empty());
}

TEST(Monitor, TellsNothingFromOutputsThatAreNoProbabilities) {
  for (const LossKind loss : {LossKind::hinge, LossKind::least_squares, LossKind::wasserstein}) {
    Monitor monitor(training(kEvery, loss));
    for (int i = 0; i < 100; ++i) {
      Observation seen = healthy();
      seen.numbers.real_score = 30;
      seen.numbers.fake_score = -30;
      seen.numbers.generator_loss = i % 2 == 0 ? 30 : -30;
      EXPECT_TRUE(monitor.check(seen).empty());
      seen.fake_diversity = 0;
      if (i == 99) {
        std::size_t warnings = 0;
        for (int more = 0; more < 20; ++more) warnings += monitor.check(seen).size();
        EXPECT_EQ(warnings, 1U) << "a collapse is one under every loss";
      }
    }
  }
}

TEST(Monitor, ForgetsATroubleThatPasses) {
  EXPECT_TRUE(warnings_of(100, [](Observation& seen, std::size_t i) {
                if (i % kPatience != 0) seen.fake_diversity = 0.01;
              }).empty());
}

TEST(Monitor, SeesACollapse) {
  expect_one(warnings_of(20, [](Observation& seen, std::size_t) { seen.fake_diversity = 0.05; }),
             "they have differed from each other 10 % as much as real images");
}

TEST(Monitor, SeesAPatternOfTwoPixels) {
  expect_one(warnings_of(20, [](Observation& seen, std::size_t) { seen.fake_period2 = 0.0144; }),
             "more than 1.00 % of their energy, now 1.44 %, where real images have 0.10 %; try "
             "model.upsampling: nearest");
  TrainConfig config = training(kEvery);
  config.translation = 2;
  Monitor monitor(config);
  Observation seen = healthy();
  seen.fake_period2 = 0.0144;
  std::vector<std::string> all;
  for (std::size_t i = 0; i < 2 * kPatience; ++i) {
    for (std::string& warning : monitor.check(seen)) all.push_back(std::move(warning));
  }
  expect_one(all, "try train.translation: 0, or model.upsampling: nearest");
}

TEST(Monitor, ComparesThePatternWithRealImages) {
  EXPECT_TRUE(warnings_of(20, [](Observation& seen, std::size_t) {
                seen.fake_period2 = 0.0144;
                seen.real_period2 = 0.004;
              }).empty());
}

TEST(Monitor, SeesAVanishingGradient) {
  expect_one(warnings_of(20, [](Observation& seen, std::size_t) { seen.gradient = 9e-7; }),
             "the generator's gradient vanishes");
}

TEST(Monitor, SeesSwingingLosses) {
  expect_one(
      warnings_of(60, [](Observation& seen,
                         std::size_t i) { seen.numbers.generator_loss = i % 2 == 0 ? 0.5 : 12.0; }),
      "went between 0.5 and 12.0 in the last 1000 steps");
}

TEST(Monitor, AnOutlierNowAndThenIsNoSwing) {
  EXPECT_TRUE(warnings_of(100, [](Observation& seen, std::size_t i) {
                if (i % kPatience == 0) seen.numbers.generator_loss = 60.0;
              }).empty());
}

TEST(Monitor, AdvisesMoreOfThePenaltyThanThereIs) {
  for (const auto& [gamma, advice] : {std::pair(0.0, "1"), {0.05, "1"}, {1.0, "2"}, {10.0, "20"}}) {
    TrainConfig config = training(kEvery);
    config.r1_gamma = gamma;
    Monitor monitor(config);
    std::vector<std::string> warnings;
    for (std::size_t i = 0; i < 3 * kPatience; ++i) {
      Observation seen = healthy();
      seen.fake_diversity = 0.05;
      for (std::string& warning : monitor.check(seen)) warnings.push_back(std::move(warning));
    }
    expect_one(warnings, std::string("try train.r1_gamma: ") + advice + ", a lower");
  }
}

TEST(Monitor, TwoTroublesAreTwoWarnings) {
  EXPECT_EQ(warnings_of(20,
                        [](Observation& seen, std::size_t) {
                          seen.gradient = 0;
                          seen.fake_diversity = 0;
                        })
                .size(),
            2U);
}

TEST(Monitor, NamesAClassThatStaysAway) {
  Monitor monitor(training(kEvery));
  const std::vector<double> real{0.4, 0.3, 0.3};
  const std::vector<double> without_one{0.6, 0.01, 0.39};
  EXPECT_TRUE(monitor.check_classes(without_one, real).empty()) << "the first does not count";
  EXPECT_TRUE(monitor.check_classes(without_one, real).empty());
  expect_one(monitor.check_classes(without_one, real),
             "class 1 is missing from the samples in two evaluations in a row: ");
  EXPECT_TRUE(monitor.check_classes(without_one, real).empty()) << "once";
}

TEST(Monitor, CallsAMissingClassByItsName) {
  Monitor monitor(training(kEvery));
  const std::vector<double> real{0.5, 0.5};
  const std::vector<double> without_one{1, 0};
  for (int i = 0; i < 2; ++i) monitor.check_classes(without_one, real, {"1", "26"});
  expect_one(monitor.check_classes(without_one, real, {"1", "26"}),
             "class 26 is missing from the samples ");
}

TEST(Monitor, AdvisesNoMoreR1ThanTheKeyTakes) {
  TrainConfig train = training(kEvery);
  train.r1_gamma = 8e5;
  Monitor monitor(train);
  const std::vector<double> real{0.5, 0.5};
  for (int i = 0; i < 2; ++i) monitor.check_classes({1, 0}, real);
  expect_one(monitor.check_classes({1, 0}, real), "r1_gamma: 1000000");
}

TEST(Monitor, AClassMayComeBack) {
  Monitor monitor(training(kEvery));
  const std::vector<double> real{0.5, 0.5};
  for (int i = 0; i < 6; ++i) {
    const double share = i % 2 == 0 ? 0.0 : 0.3;
    EXPECT_TRUE(monitor.check_classes({share, 1 - share}, real).empty());
  }
}

TEST(Diversity, IsTheSpreadOverTheBatch) {
  const torch::Tensor same = torch::full({4, 1, 2, 2}, 0.3F);
  EXPECT_NEAR(diversity(same).item<double>(), 0.0, 1e-6);
  // Two images, apart by 2 in half of the pixels: variances 2 and 0.
  torch::Tensor two = torch::zeros({2, 1, 1, 2});
  two[0][0][0][0] = 1;
  two[1][0][0][0] = -1;
  EXPECT_NEAR(diversity(two).item<double>(), 1.0, 1e-6);
}

TEST(GradientSize, IsTheRootMeanSquareOfAllNumbers) {
  TrainState state = testing::small_trained_state();
  double squares = 0;
  double count = 0;
  for (const torch::Tensor& parameter : parameters(state.generator)) {
    squares += parameter.grad().to(torch::kFloat64).square().sum().item<double>();
    count += static_cast<double>(parameter.numel());
  }
  EXPECT_NEAR(gradient_size(state.generator).item<double>(), std::sqrt(squares / count), 1e-9);
}

}  // namespace
}  // namespace dcgan
