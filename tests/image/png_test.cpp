#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "dcgan/error.h"
#include "dcgan/image.h"
#include "support/expect_error.h"
#include "support/read_png.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::ElementsAre;
using testing::TempFolder;

Image pattern(std::int64_t height, std::int64_t width, std::int64_t channels) {
  Image image{height, width, channels, {}};
  for (std::int64_t i = 0; i < height * width * channels; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  }
  return image;
}

class Png : public ::testing::Test {
 protected:
  Image round_trip(const Image& image) {
    write_png(path_, image);
    return read_png(path_);
  }
  /// A PNG made elsewhere (Python's zlib), as its bytes.
  Image read(std::string_view bytes) {
    write_file_atomically(path_, bytes);
    return read_png(path_);
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "a.png";
};

TEST_F(Png, KeepsGreyPixels) {
  const Image image = pattern(5, 7, 1);
  const Image back = round_trip(image);
  EXPECT_EQ(back.height, 5);
  EXPECT_EQ(back.width, 7);
  EXPECT_EQ(back.channels, 1);
  EXPECT_EQ(back.pixels, image.pixels);
}

TEST_F(Png, KeepsColourPixels) {
  const Image image = pattern(7, 5, 3);
  const Image back = round_trip(image);
  EXPECT_EQ(back.channels, 3);
  EXPECT_EQ(back.pixels, image.pixels);
}

TEST_F(Png, IsTheSameBytesEachTime) {
  EXPECT_EQ(encode_png(pattern(9, 9, 3)), encode_png(pattern(9, 9, 3)));
}

TEST_F(Png, ShowsTheBackgroundBehindAlpha) {
  constexpr char kBytes[] =
      "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\002"
      "\000\000\000\001\010\006\000\000\000\364\042\177\212\000\000\000\021\111\104\101"
      "\124\170\234\143\340\022\221\153\320\060\262\141\000\000\005\307\001\123\142\244"
      "\104\273\000\000\000\000\111\105\116\104\256\102\140\202";
  const Image image = read({kBytes, sizeof kBytes - 1});
  EXPECT_EQ(image.channels, 3);
  EXPECT_THAT(image.pixels, ElementsAre(132, 137, 142, 255, 255, 255));
  EXPECT_THAT(read_png(path_, {0, 0, 0}).pixels, ElementsAre(5, 10, 15, 0, 0, 0));
}

TEST_F(Png, ShowsTheBackgroundBehindAlphaOfGrey) {
  constexpr char kBytes[] =
      "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\002"
      "\000\000\000\001\010\004\000\000\000\136\053\267\001\000\000\000\015\111\104\101"
      "\124\170\234\143\340\152\320\140\000\000\001\375\000\263\046\057\207\325\000\000"
      "\000\000\111\105\116\104\256\102\140\202";
  const Image image = read({kBytes, sizeof kBytes - 1});
  EXPECT_EQ(image.channels, 1);
  EXPECT_THAT(image.pixels, ElementsAre(132, 255));
  const Image on_red = read_png(path_, {255, 0, 0});
  EXPECT_EQ(on_red.channels, 3);
  EXPECT_THAT(on_red.pixels, ElementsAre(132, 5, 5, 255, 0, 0));
}

TEST_F(Png, ReducesSixteenBitsToEight) {
  constexpr char kBytes[] =
      "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\002"
      "\000\000\000\001\020\000\000\000\000\201\331\374\025\000\000\000\015\111\104\101"
      "\124\170\234\143\020\062\131\175\026\000\003\014\001\277\156\271\306\135\000\000"
      "\000\000\111\105\116\104\256\102\140\202";
  const Image image = read({kBytes, sizeof kBytes - 1});
  EXPECT_EQ(image.channels, 1);
  EXPECT_THAT(image.pixels, ElementsAre(0x12, 0xab));
}

TEST_F(Png, CannotBeEmpty) {
  EXPECT_THAT(
      testing::caught([&] { write_png(path_, Image{}); }),
      testing::IsError(ErrorKind::failure, path_, "an image of 0 x 0 pixels cannot be a PNG", ""));
}

TEST_F(Png, CannotBeTooLarge) {
  EXPECT_THAT(testing::caught([] {
                encode_png({1 << 20, 1 << 20, 3, {}});
              }),
              testing::IsError(ErrorKind::failure, "",
                               "an image of 1048576 x 1048576 pixels cannot be a PNG", ""));
}

TEST_F(Png, TakesNoPixelsThatDoNotMatchTheSize) {
  EXPECT_THROW(encode_png({2, 2, 1, {1, 2, 3}}), std::invalid_argument);
}

}  // namespace
}  // namespace dcgan
