
#include <gtest/gtest.h>

#include "image/decode.h"
#include "support/put_wide_picture.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

TEST(Levels, LargestValueIsOneOfAColour) {
  EXPECT_EQ(largest_value({1, 2, 1, {3, 7}}), 7U * 257);
  EXPECT_EQ(largest_value({1, 2, 2, {3, 255, 7, 255}}), 7U * 257) << "alpha is none";
  EXPECT_EQ(largest_value({1, 1, 4, {3, 9, 7, 255}}), 9U * 257);
  EXPECT_EQ(largest_value({1, 1, 1, {0}}), 0U);
}

TEST(Levels, ScaleSoThatWhiteIs255AndKeepAlpha) {
  Image image{1, 2, 4, {0, 50, 100, 20, 101, 25, 1, 255}};
  scale_levels(image, 100 * 257);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 128, 255, 20, 255, 64, 3, 255}));
  const Image before = image;
  scale_levels(image, kFullRange);
  EXPECT_EQ(image.pixels, before.pixels);
}

// Scaled as 8 bits these would be two values: 15.9 and 15.7 of 255.
TEST(Levels, OfSixteenBitsAreScaledBeforeTheyAreRounded) {
  const testing::TempFolder folder;
  testing::put_wide_picture(folder / "a.png", 1, 4, {0, 1000, 4032, 4095});
  const Image plain = read_image(folder / "a.png");
  EXPECT_EQ(plain.pixels, (std::vector<std::uint8_t>{0, 4, 16, 16}));
  EXPECT_EQ(largest_value(plain), 4095U);
  const Image scaled = read_image(folder / "a.png", {.white = 4095});
  EXPECT_EQ(scaled.pixels, (std::vector<std::uint8_t>{0, 62, 251, 255}));
}

}  // namespace
}  // namespace dcgan
