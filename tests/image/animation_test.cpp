// Each format is read back by its own library.
#include "image/animation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

#include "base/file.h"
#include "dcgan/error.h"
#include "support/expect_error.h"
#include "support/play_animation.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;

/// 5 x 7, another one for each number; with at most 105 colours.
Image pattern(std::int64_t number, std::int64_t channels) {
  Image image{5, 7, channels, {}};
  for (std::int64_t i = 0; i < 35 * channels; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i + number) * 37 % 256));
  }
  return image;
}

class WriteAnimation : public ::testing::TestWithParam<std::string> {
 protected:
  testing::Played round_trip(const Animation& animation) const {
    const std::filesystem::path path = folder_ / ("a." + GetParam());
    write_animation(path, animation);
    return testing::play(path);
  }
  static Animation patterns(std::int64_t count, std::int64_t channels) {
    return {count, [=](std::int64_t i) { return pattern(i, channels); }, 70, 2070};
  }

  TempFolder folder_;
};

TEST_P(WriteAnimation, KeepsGreyPixels) {
  const testing::Played played = round_trip(patterns(4, 1));
  ASSERT_EQ(played.frames.size(), 4U);
  for (std::int64_t i = 0; i < 4; ++i) {
    const Image& frame = played.frames[static_cast<std::size_t>(i)];
    EXPECT_EQ(frame.height, 5);
    EXPECT_EQ(frame.width, 7);
    const Image expected = GetParam() == "png" ? pattern(i, 1) : as_rgb(pattern(i, 1));
    EXPECT_EQ(frame.pixels, expected.pixels) << i;
  }
}

TEST_P(WriteAnimation, KeepsColourPixels) {
  const testing::Played played = round_trip(patterns(4, 3));
  ASSERT_EQ(played.frames.size(), 4U);
  for (std::int64_t i = 0; i < 4; ++i) {
    EXPECT_EQ(played.frames[static_cast<std::size_t>(i)].pixels, pattern(i, 3).pixels) << i;
  }
}

TEST_P(WriteAnimation, ShowsTheLastFrameAsLongAsItIsTold) {
  EXPECT_THAT(round_trip(patterns(3, 1)).milliseconds, ::testing::ElementsAre(70, 70, 2070));
}

TEST_P(WriteAnimation, TakesOneFrame) {
  const std::filesystem::path path = folder_ / ("a." + GetParam());
  write_animation(path, patterns(1, 3));
  EXPECT_FALSE(read_file(path).empty());
}

TEST_P(WriteAnimation, NamesTheFileThatCannotBeWritten) {
  const std::filesystem::path path = folder_ / ("no/a." + GetParam());
  EXPECT_THAT(
      testing::caught([&] { write_animation(path, patterns(2, 1)); }),
      testing::IsError(ErrorKind::failure, path, HasSubstr("there is no folder"), "make it first"));
}

INSTANTIATE_TEST_SUITE_P(Formats, WriteAnimation, ::testing::Values("webp", "png", "gif"),
                         [](const auto& test) { return test.param; });

/// 64 x 64 with 4096 colours.
Image many_colours() {
  Image image{64, 64, 3, {}};
  for (int i = 0; i < 64 * 64; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i % 64 * 4));
    image.pixels.push_back(static_cast<std::uint8_t>(i / 64 * 4));
    image.pixels.push_back(128);
  }
  return image;
}

TEST(WriteGif, ComesNearToMoreColoursThanItHas) {
  const TempFolder folder;
  write_animation(folder / "a.gif", {2, [](std::int64_t) { return many_colours(); }});
  const Image frame = testing::play(folder / "a.gif").frames.at(1);
  const Image expected = many_colours();
  double sum = 0;
  for (std::size_t i = 0; i < frame.pixels.size(); ++i) {
    sum += std::abs(frame.pixels[i] - expected.pixels[i]);
  }
  EXPECT_LT(sum / static_cast<double>(frame.pixels.size()), 8);
}

TEST(WriteWebp, RefusesLargerFramesThanItCanHold) {
  const TempFolder folder;
  const auto frame = [](std::int64_t) {
    return Image{1, 16384, 1, std::vector<std::uint8_t>(16384)};
  };
  EXPECT_THAT(testing::caught([&] {
                write_animation(folder / "a.webp", {2, frame});
              }),
              testing::IsError(ErrorKind::failure, folder / "a.webp",
                               "its frames have 1 x 16384 pixels, and a side in a WebP has at most "
                               "16383",
                               "write a .png"));
}

}  // namespace
}  // namespace dcgan
