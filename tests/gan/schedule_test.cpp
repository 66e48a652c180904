#include "gan/schedule.h"

#include <gtest/gtest.h>

namespace dcgan {
namespace {

TEST(LrFactor, ConstantStays) {
  EXPECT_EQ(lr_factor(LrSchedule::constant, 7, 10), 1.0);
  EXPECT_EQ(lr_factor(LrSchedule::constant, 7, 0), 1.0);
}

TEST(LrFactor, FallsFromOneToZero) {
  for (const LrSchedule schedule : {LrSchedule::linear, LrSchedule::cosine}) {
    EXPECT_EQ(lr_factor(schedule, 0, 10), 1.0);
    EXPECT_NEAR(lr_factor(schedule, 5, 10), 0.5, 1e-12);
    EXPECT_NEAR(lr_factor(schedule, 10, 10), 0.0, 1e-12);
    EXPECT_NEAR(lr_factor(schedule, 20, 10), 0.0, 1e-12) << "past the end";
  }
}

TEST(LrFactor, HasItsShape) {
  EXPECT_NEAR(lr_factor(LrSchedule::linear, 1, 4), 0.75, 1e-12);
  EXPECT_NEAR(lr_factor(LrSchedule::cosine, 1, 4), 0.8535533905932737, 1e-12);
}

TEST(WarmedUpDecay, GrowsToItsValue) {
  EXPECT_NEAR(warmed_up_decay(0.999, 0), 0.1, 1e-12);
  EXPECT_NEAR(warmed_up_decay(0.999, 90), 0.91, 1e-12);
  EXPECT_EQ(warmed_up_decay(0.999, 100000), 0.999);
  EXPECT_EQ(warmed_up_decay(0.05, 0), 0.05);
}

}  // namespace
}  // namespace dcgan
