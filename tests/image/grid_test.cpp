#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dcgan/image.h"
#include "support/expect_error.h"

namespace dcgan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// A grey image of 1 x 2 pixels.
Image pair_of(std::uint8_t left, std::uint8_t right) { return {1, 2, 1, {left, right}}; }

TEST(MakeGrid, PutsImagesRowByRow) {
  const Image grid = make_grid({pair_of(1, 2), pair_of(3, 4), pair_of(5, 6), pair_of(7, 8)},
                               {.columns = 2, .padding = 0});
  EXPECT_EQ(grid.height, 2);
  EXPECT_EQ(grid.width, 4);
  EXPECT_THAT(grid.pixels, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8));
}

TEST(MakeGrid, PadsBetweenAndAround) {
  const Image grid =
      make_grid({pair_of(1, 2), pair_of(3, 4)}, {.columns = 2, .padding = 1, .background = 9});
  EXPECT_EQ(grid.height, 3);
  EXPECT_EQ(grid.width, 7);
  EXPECT_THAT(grid.pixels, ElementsAre(9, 9, 9, 9, 9, 9, 9,  //
                                       9, 1, 2, 9, 3, 4, 9,  //
                                       9, 9, 9, 9, 9, 9, 9));
}

TEST(MakeGrid, FillsAnIncompleteRowWithTheBackground) {
  const Image grid = make_grid({pair_of(1, 2), pair_of(3, 4), pair_of(5, 6)},
                               {.columns = 2, .padding = 0, .background = 9});
  EXPECT_THAT(grid.pixels, ElementsAre(1, 2, 3, 4, 5, 6, 9, 9));
}

TEST(MakeGrid, IsNoWiderThanItsImages) {
  EXPECT_EQ(make_grid({pair_of(1, 2)}, {.columns = 8, .padding = 0}).width, 2);
}

TEST(MakeGrid, KeepsColoursTogether) {
  const Image red{1, 1, 3, {255, 0, 0}};
  const Image blue{1, 1, 3, {0, 0, 255}};
  const Image grid = make_grid({red, blue}, {.columns = 1, .padding = 0});
  EXPECT_EQ(grid.channels, 3);
  EXPECT_THAT(grid.pixels, ElementsAre(255, 0, 0, 0, 0, 255));
}

TEST(MakeGrid, RefusesASheetTooLargeForAPng) {
  const std::vector<Image> images(64, pair_of(1, 2));
  EXPECT_THAT(testing::caught([&] { make_grid(images, {.columns = 8, .padding = 10'000}); }),
              testing::IsError(ErrorKind::failure, "", HasSubstr("64 images is 90008 x 90016"),
                               "make fewer, or one file each"));
}

TEST(MakeGrid, TakesNoImagesOfDifferentSizes) {
  const Image other{2, 1, 1, {1, 2}};
  EXPECT_THROW(make_grid({pair_of(1, 2), other}, {}), std::invalid_argument);
}

TEST(SquareColumns, IsTheSmallestSquareThatHoldsThemAll) {
  for (std::int64_t count = 1; count <= 1000; ++count) {
    const std::int64_t columns = square_columns(count);
    EXPECT_GE(columns * columns, count);
    EXPECT_LT((columns - 1) * (columns - 1), count);
  }
}

}  // namespace
}  // namespace dcgan
