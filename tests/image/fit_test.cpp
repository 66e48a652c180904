#include "image/fit.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <stdexcept>

#include "support/pictures.h"

namespace dcgan {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using testing::expected_picture;
using testing::expected_pictures;
using testing::is_near;

const Image& source(int channels) { return expected_picture(fmt::format("source/{}", channels)); }

/// Every pixel the same.
Image plain(std::int64_t height, std::int64_t width, const std::vector<std::uint8_t>& pixel) {
  Image image{height, width, static_cast<std::int64_t>(pixel.size()), {}};
  for (std::int64_t i = 0; i < height * width; ++i) {
    image.pixels.insert(image.pixels.end(), pixel.begin(), pixel.end());
  }
  return image;
}

/// The records of expected.bin that begin so; of pictures without alpha for "resize".
std::vector<std::string> records(const std::string& prefix) {
  std::vector<std::string> names;
  for (const auto& [name, image] : expected_pictures()) {
    const bool taken = image.channels % 2 == 1 || !prefix.starts_with("resize");
    if (taken && name.starts_with(prefix)) names.push_back(name);
  }
  return names;
}

std::string test_name(const ::testing::TestParamInfo<std::string>& info) {
  std::string name = info.param;
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

class Resized : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(As, Resized, ::testing::ValuesIn(records("resize/")), test_name);

TEST_P(Resized, IsWithinOneOfPillow) {
  const Image& wanted = expected_picture(GetParam());
  const Image image =
      resize(source(static_cast<int>(wanted.channels)), wanted.height, wanted.width);
  EXPECT_TRUE(is_near(image, wanted, 1));
}

class ResizedPart : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(As, ResizedPart, ::testing::ValuesIn(records("resize_box/")), test_name);

TEST_P(ResizedPart, IsWithinOneOfPillow) {
  const Image& wanted = expected_picture(GetParam());
  Box box;
  ASSERT_EQ(std::sscanf(GetParam().c_str(), "resize_box/%*d/%lf/%lf/%lf/%lf", &box.top, &box.left,
                        &box.height, &box.width),
            4);
  const Image image =
      resize(source(static_cast<int>(wanted.channels)), box, wanted.height, wanted.width);
  EXPECT_TRUE(is_near(image, wanted, 1));
}

TEST(Resize, ChangesNothingAtTheSameSize) {
  for (const int channels : {1, 3}) {
    EXPECT_EQ(resize(source(channels), 23, 31).pixels, source(channels).pixels);
  }
}

TEST(Resize, KeepsAPlainColourExact) {
  for (const int value : {0, 1, 127, 254, 255}) {
    const auto byte = static_cast<std::uint8_t>(value);
    EXPECT_THAT(resize(plain(37, 41, {byte}), 7, 5).pixels, Each(byte));
    EXPECT_THAT(resize(plain(5, 7, {byte}), 41, 37).pixels, Each(byte));
  }
}

TEST(Resize, TakesOnePixel) {
  const Image image = resize(plain(1, 1, {7, 8, 9}), 3, 2);
  EXPECT_EQ(image.pixels, plain(3, 2, {7, 8, 9}).pixels);
}

TEST(Resize, TakesALine) {
  EXPECT_THAT(resize(plain(1, 10'000, {9}), 64, 64).pixels, Each(9));
  EXPECT_THAT(resize(plain(10'000, 1, {9}), 64, 64).pixels, Each(9));
  EXPECT_EQ(resize(plain(3, 5, {9}), 1, 10'000).width, 10'000);
}

class Fitted : public ::testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(As, Fitted, ::testing::ValuesIn(records("fit/")), test_name);

TEST_P(Fitted, IsWithinOneOfPillow) {
  const Image& wanted = expected_picture(GetParam());
  char fit[8] = {};
  int channels = 0;
  ASSERT_EQ(std::sscanf(GetParam().c_str(), "fit/%7[a-z]/%d/", fit, &channels), 2);
  const FitOptions options{.height = wanted.height,
                           .width = wanted.width,
                           .channels = wanted.channels,
                           .fit = fit[0] == 'c'   ? ImageFit::crop
                                  : fit[0] == 'p' ? ImageFit::pad
                                                  : ImageFit::stretch,
                           .background = {10, 200, 90}};
  EXPECT_TRUE(is_near(fit_image(source(channels), options), wanted, 1));
}

TEST(FitImage, ChangesNothingInTheRightShape) {
  for (const ImageFit fit : {ImageFit::crop, ImageFit::pad, ImageFit::stretch}) {
    for (const int channels : {1, 3}) {
      const FitOptions options{.height = 23, .width = 31, .channels = channels, .fit = fit};
      EXPECT_EQ(fit_image(source(channels), options).pixels, source(channels).pixels);
    }
  }
}

TEST(FitImage, MakesGreyByRec601) {
  const Image image{1, 4, 3, {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255}};
  EXPECT_THAT(fit_image(image, {.height = 1, .width = 4, .channels = 1}).pixels,
              ElementsAre(76, 150, 29, 255));
}

TEST(FitImage, MakesColourOfGrey) {
  EXPECT_THAT(fit_image({1, 2, 1, {3, 250}}, {.height = 1, .width = 2, .channels = 3}).pixels,
              ElementsAre(3, 3, 3, 250, 250, 250));
}

TEST(FitImage, PutsTheBackgroundBehindAlpha) {
  const Image image{1, 3, 4, {200, 100, 0, 255, 200, 100, 0, 0, 200, 100, 0, 51}};
  const FitOptions options{.height = 1, .width = 3, .channels = 3, .background = {10, 20, 30}};
  EXPECT_THAT(fit_image(image, options).pixels, ElementsAre(200, 100, 0, 10, 20, 30, 48, 36, 24));
}

TEST(FitImage, PutsAColouredBackgroundBehindGrey) {
  const Image image{1, 2, 2, {200, 255, 200, 0}};
  const FitOptions options{.height = 1, .width = 2, .channels = 3, .background = {10, 20, 30}};
  EXPECT_THAT(fit_image(image, options).pixels, ElementsAre(200, 200, 200, 10, 20, 30));
}

TEST(FitImage, PutsTheBackgroundAroundAPaddedImage) {
  const FitOptions options{
      .height = 4, .width = 2, .channels = 1, .fit = ImageFit::pad, .background = {7, 7, 7}};
  EXPECT_THAT(fit_image(plain(2, 2, {9}), options).pixels, ElementsAre(7, 7, 9, 9, 9, 9, 7, 7));
}

TEST(FitImage, CropsTheMiddle) {
  const Image image{1, 6, 1, {1, 2, 3, 4, 5, 6}};
  EXPECT_THAT(fit_image(image, {.height = 1, .width = 2}).pixels, ElementsAre(3, 4));
}

TEST(FitImage, TakesExtremeShapes) {
  for (const ImageFit fit : {ImageFit::crop, ImageFit::pad, ImageFit::stretch}) {
    const FitOptions options{
        .height = 28, .width = 20, .channels = 3, .fit = fit, .background = {9, 9, 9}};
    for (const auto& [height, width] : {std::pair{1, 10'000}, {10'000, 1}, {1, 1}}) {
      const Image image = fit_image(plain(height, width, {9}), options);
      EXPECT_EQ(image.pixels, plain(28, 20, {9, 9, 9}).pixels);
    }
  }
}

}  // namespace
}  // namespace dcgan
