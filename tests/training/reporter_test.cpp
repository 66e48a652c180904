#include "training/reporter.h"

#include <gtest/gtest.h>

namespace dcgan {
namespace {

const Position kHalfWay{50, 100, 3, 5, 3200, false};
const std::string kProgress =
    "epoch 3/5  step 50/100  D 0.712  G 1.893  D(x) 0.71  D(G(z)) 0.24 > 0.18  812 images/s";

TEST(Progress, LineSaysWhereItStands) {
  EXPECT_EQ(format_progress(kHalfWay, {0.7121, 1.893, 0.71, 0.24, 0.18, {}, {}}, 812.4), kProgress);
}

TEST(Progress, BarShowsTheShare) {
  EXPECT_EQ(format_bar(kHalfWay, "9 s left", kProgress, 200),
            "[########--------]  50 %  9 s left  " + kProgress);
  EXPECT_EQ(format_bar({100, 100}, "0 s left", "", 200), "[################] 100 %  0 s left  ");
}

TEST(Progress, BarKeepsTimeAndScoresOnEightyColumns) {
  EXPECT_EQ(format_bar(kHalfWay, "9 s left", kProgress, 80),
            " 50 %  9 s left  epoch 3/5  step 50/100  D 0.712  G 1.893  D(x) 0.71  D(G(z)) 0");
}

TEST(Progress, BarFitsAnyTerminalWithAColumnToSpare) {
  for (int width = 0; width < 200; ++width) {
    EXPECT_LE(static_cast<int>(format_bar(kHalfWay, "9 s left", kProgress, width).size()),
              std::max(width - 1, 0));
  }
}

}  // namespace
}  // namespace dcgan
