#include "gan/power_average.h"

#include <gtest/gtest.h>

#include <cmath>

#include "support/reference_case.h"

namespace dcgan {
namespace {

// tests/fixtures/make_power_averages.py

TEST(ExponentOfWidth, IsThatOfTheReference) {
  const auto reference = testing::load_reference("power_averages");
  const torch::Tensor& widths = reference.at("widths");
  for (std::int64_t i = 0; i < widths.size(0); ++i) {
    EXPECT_NEAR(exponent_of_width(widths[i].item<double>()),
                reference.at("exponents")[i].item<double>(), 1e-6);
  }
}

TEST(PowerAverageWeight, GivesEachUpdateItsShareOfTheProfile) {
  const double power = exponent_of_width(0.1) + 1;
  constexpr int kUpdates = 20;
  for (int update = 1; update <= kUpdates; ++update) {
    double share = power_average_weight(0.1, update);
    for (int later = update + 1; later <= kUpdates; ++later) {
      share *= 1 - power_average_weight(0.1, later);
    }
    EXPECT_NEAR(share, std::pow(update / 20.0, power) - std::pow((update - 1) / 20.0, power), 1e-12)
        << update;
  }
}

TEST(FitProfile, HasTheWeightsAndTheErrorOfTheReference) {
  const auto reference = testing::load_reference("power_averages");
  const torch::Tensor& widths = reference.at("widths");
  for (const std::string name : {"regular", "short", "earlier", "between", "longer"}) {
    std::vector<PowerProfile> snapshots;
    for (const torch::Tensor& updates : reference.at(name + ".updates").unbind()) {
      for (const PowerAverage& average : kPowerAverages) {
        snapshots.push_back({average.width, updates.item<std::int64_t>()});
      }
    }
    for (std::int64_t i = 0; i < widths.size(0); ++i) {
      const PowerSum sum = fit_profile(
          snapshots,
          {widths[i].item<double>(), reference.at(name + ".wanted").item<std::int64_t>()});
      const torch::Tensor weights = reference.at(name + ".weights")[i];
      for (std::size_t j = 0; j < snapshots.size(); ++j) {
        EXPECT_NEAR(sum.weights[j], weights[static_cast<std::int64_t>(j)].item<double>(), 1e-6)
            << name << ", width " << widths[i].item<double>() << ", weight " << j;
      }
      EXPECT_NEAR(sum.error, reference.at(name + ".errors")[i].item<double>(), 1e-6) << name;
    }
  }
}

}  // namespace
}  // namespace dcgan
