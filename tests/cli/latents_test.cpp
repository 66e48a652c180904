// Latents that are kept, given, walked through and added, as a user does it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>

#include "cli/training_fixture.h"
#include "sources/arrays.h"
#include "support/play_animation.h"
#include "support/read_png.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::Training;

class Latents : public Training {
 protected:
  Latents() { train("run", {"--set", "train.epochs=1", "--set", "model.latent_modes=2"}); }

  void expect_success(const std::vector<std::string>& arguments) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
  std::vector<std::uint8_t> pixels(const std::string& name) const {
    return read_png(folder_ / name).pixels;
  }
  /// One image of 28 x 28 in a sheet.
  static std::vector<std::uint8_t> part(const Image& sheet, std::int64_t top, std::int64_t left) {
    std::vector<std::uint8_t> found;
    for (std::int64_t y = 0; y < 28; ++y) {
      const auto row = sheet.pixels.begin() + (top + y) * sheet.width + left;
      found.insert(found.end(), row, row + 28);
    }
    return found;
  }
  /// One of a grid's.
  static std::vector<std::uint8_t> cell(const Image& grid, std::int64_t columns,
                                        std::int64_t index) {
    return part(grid, 2 + index / columns * 30, 2 + index % columns * 30);
  }
  void write_floats(const std::string& name, const std::vector<std::int64_t>& sizes,
                    const std::vector<float>& numbers) const {
    write_npy(folder_ / name, sizes,
              {reinterpret_cast<const char*>(numbers.data()), numbers.size() * sizeof(float)},
              "<f4");
  }
};

TEST_F(Latents, ThatWereSavedMakeTheSameImages) {
  expect_success({"sample", "--ckpt", "run", "-n", "6", "--seed", "3", "--truncation", "0.5",
                  "--out", "a.png", "--save-latents", "z.npy"});
  EXPECT_EQ(read_float_npy(folder_ / "z.npy").sizes, (std::vector<std::int64_t>{6, 8}));
  expect_success({"sample", "--ckpt", "run", "--latents", "z.npy", "--out", "b.png"});
  EXPECT_EQ(pixels("b.png"), pixels("a.png"));
  // A walk's, too.
  expect_success({"sample", "--ckpt", "run", "--through", "1,4", "--interpolate", "4", "--out",
                  "a.npy", "--save-latents", "z.npy"});
  expect_success({"sample", "--ckpt", "run", "--latents", "z.npy", "--out", "b.npy"});
  EXPECT_EQ(bytes("b.npy"), bytes("a.npy"));
}

TEST_F(Latents, OfChosenClassesAreSavedAsFiniteNumbers) {
  train("classes", {"--set", "train.epochs=1", "--set", "model.latent_dim=12", "--set",
                    "model.latent_modes=10", "--set", "model.classes=10"});
  expect_success({"sample", "--ckpt", "classes", "-n", "6", "--class", "3,1", "--out", "a.png",
                  "--save-latents", "z.npy"});
  for (const float number : read_float_npy(folder_ / "z.npy").numbers) EXPECT_GT(number, -101);
  expect_success({"sample", "--ckpt", "classes", "--latents", "z.npy", "--out", "b.png"});
  EXPECT_EQ(pixels("b.png"), pixels("a.png"));
}

TEST_F(Latents, ThatDoNotFitAreRefused) {
  const auto said = [this](const std::string& file) {
    const ProgramResult result = run({"sample", "--ckpt", "run", "--latents", file});
    EXPECT_EQ(result.exit_code, 1);
    return result.err;
  };
  write_floats("wide.npy", {2, 9}, std::vector<float>(18));
  EXPECT_EQ(said("wide.npy"),
            "dcgan: wide.npy: is an array of [2, 9], but latents of this generator are [N, 8]; "
            "'dcgan sample --save-latents' writes such a file\n");
  write_floats("flat.npy", {8}, std::vector<float>(8));
  EXPECT_THAT(said("flat.npy"), HasSubstr("flat.npy: is an array of [8], but"));
  std::vector<float> numbers(16);
  numbers[9] = NAN;
  write_floats("nan.npy", {2, 8}, numbers);
  EXPECT_EQ(said("nan.npy"),
            "dcgan: nan.npy: holds NaN or infinity, first in row 1; latents of this generator are "
            "[N, 8], finite\n");
  write_file_atomically(folder_ / "text.npy", "hello");
  EXPECT_THAT(said("text.npy"), HasSubstr("text.npy: is no .npy file"));
}

TEST_F(Latents, OfAFileAreAsManyAsItHolds) {
  write_floats("z.npy", {3, 8}, std::vector<float>(24));
  const ProgramResult more = run({"sample", "--ckpt", "run", "--latents", "z.npy", "-n", "4"});
  EXPECT_EQ(more.exit_code, 2);
  EXPECT_EQ(more.err, "dcgan: --latents z.npy: holds 3 latents, which make 3 images; lower -n\n");
  const ProgramResult beyond =
      run({"sample", "--ckpt", "run", "--latents", "z.npy", "--through", "0,3"});
  EXPECT_EQ(beyond.exit_code, 2);
  EXPECT_EQ(beyond.err, "dcgan: --through: z.npy has no row 3: it holds 3, from 0 on\n");
}

TEST_F(Latents, NumberedImagesAreTheSameBelowTheirNumbers) {
  expect_success({"sample", "--ckpt", "run", "-n", "9", "--out", "plain.png"});
  expect_success({"sample", "--ckpt", "run", "-n", "9", "--numbered", "--out", "numbered.png"});
  const Image plain = read_png(folder_ / "plain.png");
  const Image numbered = read_png(folder_ / "numbered.png");
  EXPECT_EQ(numbered.height, 2 + 3 * 39);
  for (std::int64_t i = 0; i < 9; ++i) {
    EXPECT_EQ(part(numbered, 2 + i / 3 * 39 + 9, 2 + i % 3 * 30), cell(plain, 3, i)) << i;
  }
}

TEST_F(Latents, WalkPassesTheImagesOfItsNumbersInEachOnesMode) {
  expect_success({"sample", "--ckpt", "run", "-n", "12", "--columns", "12", "--out", "all.png"});
  expect_success({"sample", "--ckpt", "run", "--through", "3,0,11,7", "--interpolate", "5", "--out",
                  "walk.png"});
  const Image all = read_png(folder_ / "all.png");
  const Image walk = read_png(folder_ / "walk.png");
  EXPECT_EQ(walk.width, 2 + 5 * 30);
  EXPECT_EQ(walk.height, 2 + 3 * 30);
  const std::vector<std::int64_t> numbers{3, 0, 11, 7};
  for (std::int64_t row = 0; row < 3; ++row) {
    const auto at = static_cast<std::size_t>(row);
    EXPECT_EQ(cell(walk, 5, 5 * row), cell(all, 12, numbers[at])) << row;
    EXPECT_EQ(cell(walk, 5, 5 * row + 4), cell(all, 12, numbers[at + 1])) << row;
  }
}

TEST_F(Latents, WalkChangesTheModeHalfWay) {
  // All latents choose the mode, so that there is one image for each.
  train("modes", {"--set", "train.epochs=1", "--set", "model.latent_modes=8"});
  expect_success({"sample", "--ckpt", "modes", "-n", "2", "--out", "two.png"});
  expect_success(
      {"sample", "--ckpt", "modes", "--through", "0,1", "--interpolate", "6", "--out", "walk.png"});
  const Image two = read_png(folder_ / "two.png");
  const Image walk = read_png(folder_ / "walk.png");
  ASSERT_NE(cell(two, 2, 0), cell(two, 2, 1));
  for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(cell(walk, 6, i), cell(two, 2, i / 3)) << i;
}

TEST_F(Latents, WalkIsPlayedThereAndBackWithoutShowingAnImageTwice) {
  const ProgramResult result = run({"sample", "--ckpt", "run", "--through", "3,0,11",
                                    "--interpolate", "5", "--out", "walk.webp"});
  EXPECT_EQ(result.out, "walk.webp: 16 frames of 1 images\n") << result.err;
  const testing::Played played = testing::play(folder_ / "walk.webp");
  ASSERT_EQ(played.frames.size(), 16U);
  for (std::size_t i = 1; i < 9; ++i) {
    EXPECT_NE(played.frames[i].pixels, played.frames[i - 1].pixels) << i;
  }
}

TEST_F(Latents, LerpGoesStraight) {
  const auto latents_of = [this](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"sample", "--ckpt",        "run", "--through",
                                       "1,4",    "--interpolate", "3",   "--save-latents",
                                       "z.npy"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_success(arguments);
    return read_float_npy(folder_ / "z.npy").numbers;
  };
  const std::vector<float> straight = latents_of({"--lerp"});
  const std::vector<float> along_arc = latents_of({});
  for (std::size_t i = 2; i < 8; ++i) {  // behind the modes
    EXPECT_NEAR(straight[8 + i], (straight[i] + straight[16 + i]) / 2, 1e-6);
  }
  EXPECT_NE(along_arc, straight);
}

TEST_F(Latents, BlendIsTheSumOfTheMeans) {
  expect_success({"sample", "--ckpt", "run", "-n", "12", "--save-latents", "all.npy", "--columns",
                  "12", "--out", "all.png"});
  const ProgramResult result =
      run({"blend", "--ckpt", "run", "--plus", "3,7", "--minus", "0", "--plus", "11,2,4", "--out",
           "blend.png", "--save-latents", "z.npy"});
  EXPECT_EQ(result.out, "blend.png: 3 groups, 232 x 128 pixels\n") << result.err;
  const std::vector<float> all = read_float_npy(folder_ / "all.npy").numbers;
  const FloatArray blended = read_float_npy(folder_ / "z.npy");
  EXPECT_EQ(blended.sizes, (std::vector<std::int64_t>{9, 8}));
  const auto latent = [&](std::size_t row, std::size_t i) { return all[8 * row + i]; };
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(blended.numbers[i], latent(11, i)) << "mode";
  for (std::size_t i = 2; i < 8; ++i) {
    EXPECT_NEAR(blended.numbers[i],
                (latent(3, i) + latent(7, i)) / 2 - latent(0, i) +
                    (latent(11, i) + latent(2, i) + latent(4, i)) / 3,
                1e-5);
    for (std::size_t row = 1; row < 9; ++row) {
      EXPECT_LE(std::abs(blended.numbers[8 * row + i] - blended.numbers[i]), 0.25001F);
    }
  }
  // The picture: 11, 2, 4 in the third column, and the result in the centre of nine.
  const Image picture = read_png(folder_ / "blend.png");
  const Image grid = read_png(folder_ / "all.png");
  EXPECT_EQ(part(picture, 2, 2 + 2 * 46), cell(grid, 12, 11));
  expect_success({"sample", "--ckpt", "run", "--latents", "z.npy", "--out", "nine.png"});
  EXPECT_EQ(part(picture, 128 - 92 + 32, 2 + 3 * 46 + 32),
            cell(read_png(folder_ / "nine.png"), 3, 0));
}

}  // namespace
}  // namespace dcgan
