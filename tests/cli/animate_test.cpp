// `dcgan animate`, as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/training_fixture.h"
#include "dcgan/image.h"
#include "image/animation.h"
#include "support/play_animation.h"
#include "support/read_png.h"

namespace dcgan {
namespace {

using testing::ProgramResult;
using testing::Training;

class Animate : public ::testing::Test {
 protected:
  /// run/samples with a grid of one grey value at each of the steps.
  void write_grids(const std::vector<std::string>& steps, std::int64_t width = 4,
                   std::int64_t channels = 1) {
    make_folder(folder_ / "run/samples");
    for (const std::string& step : steps) {
      const auto value = static_cast<std::uint8_t>(std::stoi(step) % 256);
      const auto size = static_cast<std::size_t>(3 * width * channels);
      write_png(folder_ / "run/samples" / (step + ".png"),
                {3, width, channels, std::vector<std::uint8_t>(size, value)});
    }
  }
  ProgramResult animate(std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"animate", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return testing::run_program(arguments, {.folder = folder_.path()});
  }
  std::string path_of(const std::string& step) const { return "run/samples/" + step + ".png"; }

  testing::TempFolder folder_;
};

TEST_F(Animate, ShowsTheGridsInTheOrderOfTheirSteps) {
  write_grids({"000000", "000100", "1000050", "000200"});
  write_png(folder_ / "run/samples/real.png", {3, 4, 1, std::vector<std::uint8_t>(12, 1)});
  for (const std::string out : {"training.webp", "training.gif", "training.PNG"}) {
    const ProgramResult result = animate({"--out", out});
    EXPECT_EQ(result.out, out + ": 4 frames, 4 x 3 pixels\n") << result.err;
    std::vector<int> values;
    for (const Image& frame : testing::play(folder_ / out).frames) {
      values.push_back(frame.pixels.front());
    }
    EXPECT_THAT(values, ::testing::ElementsAre(0, 100, 200, 1000050 % 256)) << out;
  }
}

TEST_F(Animate, TakesANameThatIsOnlyAnEnding) {
  write_grids({"000000", "000001"});
  for (const std::string out : {".webp", ".gif", ".png"}) {
    animate({"--out", out});
    animate({"--out", "training" + out});
    EXPECT_EQ(read_file(folder_ / out), read_file(folder_ / ("training" + out)));
  }
}

TEST_F(Animate, ShowsEachAsLongAsAskedAndTheLastOneLonger) {
  write_grids({"000000", "000001", "000002"});
  EXPECT_EQ(animate().exit_code, 0);
  EXPECT_THAT(testing::play(folder_ / "training.webp").milliseconds,
              ::testing::ElementsAre(200, 200, 2200));
  EXPECT_EQ(animate({"--milliseconds", "70"}).exit_code, 0);
  EXPECT_THAT(testing::play(folder_ / "training.webp").milliseconds,
              ::testing::ElementsAre(70, 70, 2070));
}

TEST_F(Animate, NamesTheGridOfAnotherSize) {
  write_grids({"000000", "000001"});
  write_grids({"000002"}, 5);
  EXPECT_EQ(animate().err,
            "dcgan: run/samples/000002.png: is 5 x 3 pixels with 1 channel(s), while "
            "run/samples/000000.png is 4 x 3 with 1; move the grids of one kind to another "
            "folder\n");
  write_grids({"000002"}, 4, 3);
  EXPECT_EQ(animate().exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "training.webp"));
}

TEST_F(Animate, NamesTheGridThatIsDamaged) {
  write_grids({"000000", "000001"});
  write_file_atomically(folder_ / path_of("000001"), "no PNG");
  EXPECT_EQ(animate().err,
            "dcgan: run/samples/000001.png: is not an image (PNG, JPEG, BMP or WebP)\n");
}

TEST_F(Animate, NeedsTwoGrids) {
  make_folder(folder_ / "run/samples");
  EXPECT_EQ(animate().err,
            "dcgan: run/samples: holds no sample grid; train on, or with a smaller "
            "train.sample_every\n");
  write_grids({"000000"});
  EXPECT_EQ(animate().err,
            "dcgan: run/samples: holds one sample grid alone; train on, or with a smaller "
            "train.sample_every\n");
}

TEST_F(Training, GivesWhatAnimateTakes) {
  train("run");
  const ProgramResult result = run({"animate", "run"});
  EXPECT_EQ(result.out, "training.webp: 3 frames, 62 x 62 pixels\n") << result.err;
  const auto played = testing::play(folder_ / "training.webp");
  EXPECT_EQ(played.frames.at(2).pixels,
            as_rgb(read_png(folder_ / "run/samples/000128.png")).pixels);
}

}  // namespace
}  // namespace dcgan
