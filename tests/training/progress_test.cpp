#include "training/progress.h"

#include <gtest/gtest.h>

namespace dcgan {
namespace {

Progress half_way() {
  Progress progress;
  progress.step = 50;
  progress.total_steps = 100;
  progress.epoch = 3;
  progress.epochs = 5;
  progress.images_per_second = 812.4;
  progress.seconds_left = 9;
  progress.numbers = {0.7121, 1.893, 0.71, 0.24, 0.18};
  return progress;
}

TEST(Progress, LineSaysWhereItStands) {
  EXPECT_EQ(format_progress(half_way()),
            "epoch 3/5  step 50/100  D 0.712  G 1.893  D(x) 0.71  D(G(z)) 0.24 > 0.18  812 "
            "images/s  9 s left");
}

TEST(Progress, BarShowsTheShare) {
  EXPECT_EQ(format_bar(half_way(), 200),
            "[########--------]  50 %  " + format_progress(half_way()));
}

TEST(Progress, BarKeepsTimeAndRateOnEightyColumns) {
  EXPECT_EQ(format_bar(half_way(), 80),
            " 50 % epoch 3/5 D 0.71 G 1.89 D(x) 0.71 D(G(z)) 0.24 812/s 9 s left");
}

TEST(Progress, BarFitsAnyTerminalWithAColumnToSpare) {
  for (int width = 0; width < 200; ++width) {
    EXPECT_LE(static_cast<int>(format_bar(half_way(), width).size()), std::max(width - 1, 0));
  }
  EXPECT_EQ(format_bar(half_way(), 20), " 50 % 9 s left");
}

TEST(Progress, BarIsFullAtTheEnd) {
  Progress progress = half_way();
  progress.step = 100;
  EXPECT_EQ(format_bar(progress, 200).substr(0, 25), "[################] 100 % ");
}

}  // namespace
}  // namespace dcgan
