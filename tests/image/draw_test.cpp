#include "image/draw.h"

#include <gtest/gtest.h>

#include <string>

namespace dcgan {
namespace {

TEST(DrawText, DrawsDigitsOfFiveBySevenPixels) {
  const Image seven = draw_text("7", 1, 1);
  EXPECT_EQ(seven.height, 7);
  EXPECT_EQ(seven.width, 6);
  std::string top;
  for (std::size_t x = 0; x < 6; ++x) top += seven.pixels[x] > 0 ? '#' : '.';
  EXPECT_EQ(top, "#####.");
  const Image larger = draw_text("7", 3, 2);
  EXPECT_EQ(larger.height, 14);
  EXPECT_EQ(larger.width, 12);
  EXPECT_EQ(larger.channels, 3);
}

TEST(DrawText, TellsAllCharactersApart) {
  const std::string all = "0123456789+-= ";
  for (const char a : all) {
    for (const char b : all) {
      EXPECT_EQ(draw_text({&a, 1}, 1, 1).pixels == draw_text({&b, 1}, 1, 1).pixels, a == b);
    }
  }
}

TEST(WithNumbers, LeavesTheImagesAsTheyAreBelowTheirNumbers) {
  const std::vector<Image> images(12, blank(28, 28, 3, 200));
  const std::vector<Image> numbered = with_numbers(images);
  ASSERT_EQ(numbered.size(), 12U);
  for (std::size_t i = 0; i < 12; ++i) {
    EXPECT_EQ(numbered[i].width, 28);
    EXPECT_EQ(numbered[i].height, 28 + 9);
    Image expected = blank(28 + 9, 28, 3, 80);
    paste(expected, draw_text(std::to_string(i), 3, 1, 80), 1, 1);
    paste(expected, images[i], 9, 0);
    EXPECT_EQ(numbered[i].pixels, expected.pixels) << i;
  }
}

TEST(WithNumbers, WidensImagesThatAreNarrowerThanTheLargestNumber) {
  const std::vector<Image> numbered = with_numbers(std::vector<Image>(101, blank(8, 8, 1, 9)));
  for (const Image& image : numbered) EXPECT_EQ(image.width, 1 + 3 * 6);
}

TEST(Paste, LeavesOutWhatLiesOutside) {
  Image sheet = blank(2, 2, 1, 0);
  paste(sheet, blank(3, 3, 1, 7), 1, 1);
  EXPECT_EQ(sheet.pixels, (std::vector<std::uint8_t>{0, 0, 0, 7}));
}

}  // namespace
}  // namespace dcgan
