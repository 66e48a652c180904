// Averages of G's weights whose width is chosen after training, "post-hoc EMA" (Karras, Aittala,
// Lehtinen, Hellsten, Aila, Laine, "Analyzing and improving the training dynamics of diffusion
// models", 2024, section 3 and appendix C).
//
// After update t of G its average of exponent gamma gives the weights of update s <= t a share in
// proportion to s^gamma: the profile (gamma + 1) s^gamma / t^(gamma + 1). Its width is that
// profile's standard deviation, relative to t. Snapshots of two such averages are enough to make
// others, since a sum of profiles comes close to any.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace dcgan {

/// The averages that a run with train.posthoc_ema keeps.
struct PowerAverage {
  const char* prefix;  ///< of its tensors in checkpoints and snapshots
  double width;
};
inline constexpr std::array<PowerAverage, 2> kPowerAverages{
    {{"narrow_average.", 0.05}, {"wide_average.", 0.10}}};

/// The widths that others may have. Beyond them the sum is no longer close: with 32 snapshots of
/// each average, by 5 % and more.
inline constexpr double kMinAverageWidth = 0.02;
inline constexpr double kMaxAverageWidth = 0.25;

/// The exponent gamma of an average: width^2 = (gamma + 1) / ((gamma + 2)^2 (gamma + 3)) (algorithm
/// 2). `width`: from kMinAverageWidth to kMaxAverageWidth.
double exponent_of_width(double width);

/// The weight of G in its average after update `update`, from 1, where it is 1: 1 - beta (eq. 127).
double power_average_weight(double width, std::int64_t update);

/// That of the average of a width after so many updates.
struct PowerProfile {
  double width = 0;
  std::int64_t updates = 1;
};

struct PowerSum {
  std::vector<double> weights;  ///< of the snapshots; their sum is 1
  double error = 0;             ///< norm of the profiles' difference, over that of the wanted one
};

/// The sum of snapshots, no two of one profile, whose profile is closest to `wanted` by least
/// squares (algorithm 3).
PowerSum fit_profile(const std::vector<PowerProfile>& snapshots, const PowerProfile& wanted);

}  // namespace dcgan
