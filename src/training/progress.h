// How far a training is, in one line.
#pragma once

#include <cstdint>
#include <string>

#include "gan/train_step.h"

namespace dcgan {

struct Progress {
  std::int64_t step = 0;
  std::int64_t total_steps = 0;
  std::int64_t epoch = 0;  ///< from 1
  std::int64_t epochs = 0;
  double images_per_second = 0;
  double seconds_left = 0;
  StepNumbers numbers;
};

/// "epoch 3/12  step 2200/11244  D 0.712  G 1.893  D(x) 0.71  D(G(z)) 0.24 > 0.18  812 images/s
/// 3 min 10 s left".
std::string format_progress(const Progress& progress);

/// The same behind a bar, with as much as fits into `width` columns and one to spare:
/// "[####------]  42 % epoch 3/12 D 0.71 G 1.89 D(x) 0.71 D(G(z)) 0.24 812 images/s 3 min 10 s
/// left".
std::string format_bar(const Progress& progress, int width);

}  // namespace dcgan
