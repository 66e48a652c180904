// What changes with the step by a formula: learning rates and the average's decay.
#pragma once

#include <cstdint>

#include "dcgan/config.h"

namespace dcgan {

/// By what the learning rates are multiplied in step `step` (from 0) of `total_steps`: 1 at the
/// first step and, but for `constant`, 0 after the last. linear: 1 - t; cosine:
/// (1 + cos(pi t)) / 2 (Loshchilov, Hutter, "SGDR", 2017, eq. 5, without restarts), t = step /
/// total_steps.
double lr_factor(LrSchedule schedule, std::int64_t step, std::int64_t total_steps);

/// The decay of the averaged weights after step `step` (from 0): min(decay, (1 + step) / (10 +
/// step)). The warm-up keeps the first, random weights out of the average.
double warmed_up_decay(double decay, std::int64_t step);

}  // namespace dcgan
