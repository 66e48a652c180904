#include "gan/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace dcgan {

double lr_factor(LrSchedule schedule, std::int64_t step, std::int64_t total_steps) {
  const double t = std::clamp(
      static_cast<double>(step) / static_cast<double>(std::max<std::int64_t>(total_steps, 1)), 0.0,
      1.0);
  switch (schedule) {
    case LrSchedule::constant:
      return 1.0;
    case LrSchedule::linear:
      return 1.0 - t;
    case LrSchedule::cosine:
      return (1.0 + std::cos(std::numbers::pi * t)) / 2.0;
  }
  return 1.0;
}

double warmed_up_decay(double decay, std::int64_t step) {
  const auto t = static_cast<double>(step);
  return std::min(decay, (1.0 + t) / (10.0 + t));
}

}  // namespace dcgan
