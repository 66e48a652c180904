#include "sources/prepare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "support/expect_error.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::EndsWith;
using testing::IsError;

TEST(ForEachImage, DoesEachOnce) {
  std::vector<std::atomic<int>> times(1000);
  for_each_image(1000, [&](std::int64_t i) { ++times[static_cast<std::size_t>(i)]; }, {});
  for (const auto& count : times) EXPECT_EQ(count, 1);
}

TEST(ForEachImage, EndsWithAWholeBar) {
  std::int64_t last = 0;
  for_each_image(
      5, [](std::int64_t) {},
      [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(total, 5);
        last = done;
      });
  EXPECT_EQ(last, 5);
}

TEST(ForEachImage, DoesNothingForNone) {
  for_each_image(0, [](std::int64_t) { FAIL(); }, {});
}

TEST(ForEachImage, PassesOnWhatGoesWrong) {
  const auto work = [](std::int64_t i) {
    if (i == 500) throw std::runtime_error("five hundred");
  };
  EXPECT_THROW(for_each_image(1000, work, {}), std::runtime_error);
}

TEST(ForEachImage, StopsWhereProgressThrows) {
  std::atomic<int> done = 0;
  const auto work = [&](std::int64_t) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    ++done;
  };
  const auto progress = [](std::int64_t, std::int64_t) { throw std::runtime_error("enough"); };
  const int all = 2000 * static_cast<int>(std::thread::hardware_concurrency());
  EXPECT_THROW(for_each_image(all, work, progress), std::runtime_error);
  EXPECT_LT(done, all);
}

TEST(WriteRow, MakesPlanes) {
  const Image image{1, 2, 3, {1, 2, 3, 4, 5, 6}};
  std::vector<std::uint8_t> row(6);
  write_row(image, {1, 2, 3, ImageFit::crop, {0, 0, 0}}, row.data());
  EXPECT_EQ(row, (std::vector<std::uint8_t>{1, 4, 2, 5, 3, 6}));
}

TEST(WriteRow, PutsTheBackgroundBehindAlpha) {
  const Image image{1, 2, 2, {100, 255, 100, 0}};
  std::vector<std::uint8_t> row(2);
  write_row(image, {1, 2, 1, ImageFit::crop, {7, 7, 7}}, row.data());
  EXPECT_EQ(row, (std::vector<std::uint8_t>{100, 7}));
}

const std::vector<BadImage> kBad{{"a.png", "is empty"}, {"b.png", "is cut short"}};

TEST(BadImages, AreAWarningWhileTheyAreFew) {
  EXPECT_EQ(judge_bad_images("pics", {}, 100, 0.1), "");
  EXPECT_EQ(judge_bad_images("pics", kBad, 1000, 0.1),
            "pics: 2 of 1,000 files are no images that can be read and are left out\n"
            "pics/a.png: is empty\npics/b.png: is cut short");
  const std::string many = judge_bad_images("pics", std::vector(12, kBad[0]), 1000, 0.1);
  EXPECT_EQ(std::count(many.begin(), many.end(), '\n'), 11);
  EXPECT_THAT(many, EndsWith("\npics/a.png: is empty\nand 2 more"));
}

TEST(BadImages, AreAnErrorWhenTheyAreMany) {
  const Error error = caught([] { judge_bad_images("pics", kBad, 10, 0.1); });
  EXPECT_THAT(error, IsError(ErrorKind::failure, "pics",
                             "2 of 10 files are no images that can be read, more than "
                             "data.max_bad_fraction (0.1) allows",
                             "mend or remove them, or raise it"));
  EXPECT_THAT(error.others().at(1), IsError(ErrorKind::failure, "pics/b.png", "is cut short", ""));
  EXPECT_NE(judge_bad_images("pics", kBad, 20, 0.1), "");
}

TEST(BadImages, AreAnErrorWhenNothingIsLeft) {
  EXPECT_THAT(
      caught([] { judge_bad_images("pics", kBad, 2, 1); }),
      IsError(ErrorKind::failure, "pics", "2 of 2 files are no images that can be read", ""));
}

}  // namespace
}  // namespace dcgan
