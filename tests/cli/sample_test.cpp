// `dcgan sample`, as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/training_fixture.h"
#include "support/play_animation.h"
#include "support/read_png.h"

namespace dcgan {
namespace {

using testing::ProgramResult;
using testing::Training;

class Sample : public Training {
 protected:
  Sample() { train("run", {"--set", "train.epochs=1"}); }

  Image sample(std::vector<std::string> more, const std::string& out = "samples.png") const {
    std::vector<std::string> arguments{"sample", "--ckpt", "run/g.pt"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return read_png(folder_ / out);
  }
  /// Image `index` of a grid with `columns` and padding 2.
  static std::vector<std::uint8_t> cell(const Image& grid, std::int64_t columns,
                                        std::int64_t index) {
    constexpr std::int64_t kSize = 28;
    constexpr std::int64_t kPitch = kSize + 2;
    const std::int64_t top = 2 + index / columns * kPitch;
    const std::int64_t left = 2 + index % columns * kPitch;
    std::vector<std::uint8_t> pixels;
    for (std::int64_t y = 0; y < kSize; ++y) {
      for (std::int64_t x = 0; x < kSize; ++x) {
        pixels.push_back(grid.pixels[static_cast<std::size_t>((top + y) * grid.width + left + x)]);
      }
    }
    return pixels;
  }
};

TEST_F(Sample, WritesAGridUnderItsDefaultName) {
  const Image grid = sample({"-n", "64"});
  EXPECT_EQ(grid.width, 2 + 8 * 30);
  EXPECT_EQ(grid.height, 2 + 8 * 30);
}

TEST_F(Sample, ColumnsAndPaddingShapeTheGrid) {
  const Image grid =
      sample({"-n", "10", "--columns", "5", "--padding", "0", "--out", "g.png"}, "g.png");
  EXPECT_EQ(grid.width, 5 * 28);
  EXPECT_EQ(grid.height, 2 * 28);
}

TEST_F(Sample, RawGivesTheWeightsThatWereNotAveraged) {
  train("averaged", {"--set", "train.epochs=1", "--set", "train.ema_decay=0.99"});
  const auto pixels = [this](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"sample", "--ckpt", "averaged", "-n", "4"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return read_png(folder_ / "samples.png").pixels;
  };
  // The average moved nothing in training: "run" is the same without one.
  EXPECT_EQ(pixels({"--raw"}), sample({"-n", "4"}).pixels);
  EXPECT_NE(pixels({}), pixels({"--raw"}));
}

TEST_F(Sample, SameSeedGivesTheSamePicture) {
  const Image first = sample({"-n", "16", "--seed", "3"});
  EXPECT_EQ(sample({"-n", "16", "--seed", "3"}).pixels, first.pixels);
  EXPECT_NE(sample({"-n", "16", "--seed", "4"}).pixels, first.pixels);
}

TEST_F(Sample, MoreImagesBeginWithTheSameOnes) {
  const Image few = sample({"-n", "64", "--columns", "8"});
  const Image many = sample({"-n", "128", "--columns", "8"});
  for (std::int64_t i = 0; i < 64; ++i) EXPECT_EQ(cell(few, 8, i), cell(many, 8, i)) << i;
}

TEST_F(Sample, SeparateFilesAreTheGridsImages) {
  const Image grid = sample({"-n", "5", "--columns", "5"});
  EXPECT_EQ(run({"sample", "--ckpt", "run/g.pt", "-n", "5", "--separate", "each"}).exit_code, 0);
  for (std::int64_t i = 0; i < 5; ++i) {
    const auto path = folder_ / "each" / ("00000" + std::to_string(i) + ".png");
    EXPECT_EQ(read_png(path).pixels, cell(grid, 5, i)) << i;
  }
}

TEST_F(Sample, WalkBeginsAndEndsAtTheLatentsOfTheSeed) {
  const Image walk = sample({"-n", "12", "--interpolate", "6"});
  const Image ends = sample({"-n", "4", "--columns", "4"}, "samples.png");
  EXPECT_EQ(walk.width, 2 + 6 * 30);
  const auto near = [](const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
    int largest = 0;
    for (std::size_t i = 0; i < a.size(); ++i) largest = std::max(largest, std::abs(a[i] - b[i]));
    return largest <= 1;
  };
  EXPECT_TRUE(near(cell(walk, 6, 0), cell(ends, 4, 0)));
  EXPECT_TRUE(near(cell(walk, 6, 5), cell(ends, 4, 1)));
  EXPECT_TRUE(near(cell(walk, 6, 6), cell(ends, 4, 2)));
  EXPECT_TRUE(near(cell(walk, 6, 11), cell(ends, 4, 3)));
}

TEST_F(Sample, PlaysTheWalksThereAndBack) {
  const Image walks = sample({"-n", "18", "--interpolate", "6"});
  for (const std::string out : {"walk.webp", "walk.gif"}) {
    const ProgramResult result = run({"sample", "--ckpt", "run/g.pt", "-n", "18", "--interpolate",
                                      "6", "--columns", "3", "--out", out});
    EXPECT_EQ(result.out, out + ": 10 frames of 3 images\n") << result.err;
    const testing::Played played = testing::play(folder_ / out);
    ASSERT_EQ(played.frames.size(), 10U);
    for (std::int64_t i = 0; i < 10; ++i) {
      const Image grey = fit_image(played.frames[static_cast<std::size_t>(i)],
                                   {.height = 2 + 30, .width = 2 + 3 * 30, .channels = 1});
      for (std::int64_t walk = 0; walk < 3; ++walk) {
        EXPECT_EQ(cell(grey, 3, walk), cell(walks, 6, 6 * walk + std::min(i, 10 - i))) << i;
      }
    }
  }
}

TEST_F(Sample, WalkStaysWithinAMode) {
  // All latents choose the mode, so that there is one image for each.
  train("modes", {"--set", "train.epochs=1", "--set", "model.latent_modes=8"});
  const ProgramResult result = run({"sample", "--ckpt", "modes", "-n", "12", "--interpolate", "4"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const Image walks = read_png(folder_ / "samples.png");
  for (std::int64_t i = 0; i < 12; ++i) {
    EXPECT_EQ(cell(walks, 4, i), cell(walks, 4, i / 4 * 4)) << i;
  }
  EXPECT_NE(cell(walks, 4, 0), cell(walks, 4, 4));
}

TEST_F(Sample, DrawsTheClassesThatItIsAskedForInTurn) {
  // All latents choose the mode, and each class has one: there is one image for each.
  train("classes", {"--set", "train.epochs=1", "--set", "model.latent_dim=10", "--set",
                    "model.latent_modes=10", "--set", "model.classes=10"});
  const auto draw = [this](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"sample", "--ckpt", "classes"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return read_png(folder_ / "samples.png");
  };
  const Image grid = draw({"--class", "3,1,4", "-n", "12", "--columns", "3"});
  for (std::int64_t i = 3; i < 12; ++i) EXPECT_EQ(cell(grid, 3, i), cell(grid, 3, i % 3)) << i;
  EXPECT_NE(cell(grid, 3, 0), cell(grid, 3, 1));
  EXPECT_NE(cell(grid, 3, 0), cell(grid, 3, 2));
  EXPECT_NE(cell(grid, 3, 1), cell(grid, 3, 2));
  const Image walks = draw({"--class", "3,1", "-n", "12", "--interpolate", "4"});
  for (std::int64_t i = 0; i < 12; ++i) {
    EXPECT_EQ(cell(walks, 4, i), cell(grid, 3, i / 4 % 2)) << i;
  }
  ASSERT_EQ(run({"sample", "--ckpt", "classes", "--class", "4", "-n", "300", "--separate", "many"})
                .exit_code,
            0);
  const Image drawn = read_png(folder_ / "many/000299.png");
  EXPECT_EQ(drawn.pixels, read_png(folder_ / "many/000000.png").pixels);
}

TEST_F(Sample, ATruncatedImageKeepsItsClass) {
  // All latents choose the mode, so that there is nothing to scale. The set's classes are not
  // equally frequent, and their biases would outweigh latents near 0.
  train("classes", {"--set", "train.epochs=1", "--set", "model.latent_dim=10", "--set",
                    "model.latent_modes=10", "--set", "model.classes=10"});
  const auto draw = [this](const std::string& psi) {
    EXPECT_EQ(run({"sample", "--ckpt", "classes", "--truncation", psi}).exit_code, 0);
    return read_png(folder_ / "samples.png").pixels;
  };
  EXPECT_EQ(draw("0.001"), draw("1"));
}

TEST_F(Sample, RefusesAClassThatTheGeneratorDoesNotKnow) {
  const ProgramResult plain = run({"sample", "--ckpt", "run/g.pt", "--class", "3"});
  EXPECT_EQ(plain.exit_code, 2);
  EXPECT_EQ(plain.err,
            "dcgan: --class: run/g.pt knows no classes; leave --class out, or train with "
            "model.classes (--config mnist.yaml)\n");
  train("classes", {"--set", "train.epochs=1", "--set", "model.latent_dim=10", "--set",
                    "model.latent_modes=10", "--set", "model.classes=10"});
  for (const auto& [words, wrong] :
       {std::pair("3,10", "10"), {"3, -1", "-1"}, {"seven", "seven"}, {"1 2", "1 2"}}) {
    const ProgramResult result = run({"sample", "--ckpt", "classes", "--class", words});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(result.err,
              std::string("dcgan: --class ") + wrong + ": the classes of classes are 0 to 9\n");
  }
  EXPECT_FALSE(exists("samples.png"));
}

TEST_F(Sample, TruncationMovesTheImages) {
  EXPECT_NE(sample({"-n", "4"}).pixels, sample({"-n", "4", "--truncation", "0.5"}).pixels);
}

TEST_F(Sample, TakesACheckpointARunAndItsGenerator) {
  const Image from_generator = sample({"-n", "9"});
  for (const char* source : {"run", "run/checkpoints/000064.pt"}) {
    ASSERT_EQ(run({"sample", "--ckpt", source, "-n", "9", "--out", "other.png"}).exit_code, 0);
    EXPECT_EQ(read_png(folder_ / "other.png").pixels, from_generator.pixels) << source;
  }
}

TEST_F(Sample, RefusesANonEmptyFolderForSeparateFiles) {
  const ProgramResult result =
      run({"sample", "--ckpt", "run/g.pt", "-n", "2", "--separate", "run"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err, "dcgan: --separate run: the folder is not empty; name a new one\n");
}

TEST_F(Sample, ExampleOfTheReadmeMakesTheSameImages) {
  const ProgramResult result = testing::run_program(
      {"run/g.pt", "out.png"}, {.folder = folder_.path(), .program = DCGAN_EXAMPLES "/embed"});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(read_png(folder_ / "out.png").pixels,
            sample({"-n", "16", "--seed", "7", "--columns", "4"}).pixels);
}

}  // namespace
}  // namespace dcgan
