// Sets whose labels are not 0, 1, 2, ..., and sets whose values use little of their range, as a
// user meets them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "cli/training_fixture.h"
#include "support/put_picture.h"
#include "support/put_wide_picture.h"
#include "support/read_png.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;

/// A set `letters` with the labels 1, 2 and 5, of 8 x 8 pixels, 60 images to train on and 15 to
/// test on.
class Labels : public testing::Training {
 protected:
  Labels() {
    make_folder(folder_ / "letters");
    put("train", 60, {1, 2, 5});
    put("t10k", 15, {1, 2, 5});
  }
  void put(const std::string& split, int count, const std::vector<int>& labels) const {
    const std::string size{'\0', '\0', '\0', static_cast<char>(count)};
    const std::string side{'\0', '\0', '\0', '\x08'};
    std::string images = std::string{'\0', '\0', '\x08', '\x03'} + size + side + side;
    std::string bytes = std::string{'\0', '\0', '\x08', '\x01'} + size;
    for (int i = 0; i < count; ++i) {
      const int label = labels[static_cast<std::size_t>(i) % labels.size()];
      bytes += static_cast<char>(label);
      for (int pixel = 0; pixel < 64; ++pixel) {
        images += static_cast<char>(pixel / 8 < label ? 200 + i % 40 : pixel);
      }
    }
    write_file_atomically(folder_ / "letters" / (split + "-images-idx3-ubyte"), images);
    write_file_atomically(folder_ / "letters" / (split + "-labels-idx1-ubyte"), bytes);
  }
  static std::vector<std::string> set(const std::vector<std::string>& settings) {
    std::vector<std::string> arguments;
    for (const std::string& one : settings) arguments.insert(arguments.end(), {"--set", one});
    return arguments;
  }
  /// All latents choose the mode, and each class has one: there is one image for each.
  static std::vector<std::string> letters(const std::string& classes = "3",
                                          const std::string& modes = "3") {
    return set({"data.path=letters", "data.image_size=[8, 8]", "data.limit=0",
                "model.latent_dim=" + modes, "train.epochs=1", "train.evaluate_every=0",
                "model.classes=" + classes, "model.latent_modes=" + modes});
  }
  std::vector<std::uint8_t> drawn(const std::string& ckpt, const std::string& words) const {
    const ProgramResult result =
        run({"sample", "--ckpt", ckpt, "--class", words, "-n", "1", "--out", "one.png"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return read_png(folder_ / "one.png").pixels;
  }
  ProgramResult with(std::vector<std::string> arguments,
                     const std::vector<std::string>& more) const {
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
};

TEST_F(Labels, WithGapsAreTrainedOnAndDrawnByTheSetsOwn) {
  train("run", letters());
  EXPECT_NE(drawn("run", "5"), drawn("run", "2"));
  EXPECT_EQ(drawn("run/checkpoints/000007.pt", "5"), drawn("run", "5"));
  for (const std::string wrong : {"0", "3", "6"}) {
    const ProgramResult result = run({"sample", "--ckpt", "run/g.pt", "--class", wrong});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.err,
                HasSubstr("--class " + wrong + ": the classes of run/g.pt are 1, 2, 5"));
  }
  EXPECT_THAT(run({"inspect", "run/g.pt"}).out, HasSubstr("\nclass names     1, 2, 5\n"));
  const auto json = nlohmann::json::parse(run({"inspect", "run", "--json"}).out);
  EXPECT_EQ(json["class_names"], (std::vector<std::string>{"1", "2", "5"}));
  const ProgramResult shown = with({"data", "show", "--config", "tiny.yaml"}, letters());
  EXPECT_THAT(shown.out,
              HasSubstr("\nclass 1         20\nclass 2         20\nclass 5         20\n"));
}

TEST_F(Labels, AWrongNumberOfClassesNamesOneThatTheNextCommandTakes) {
  const std::vector<std::string> command{"train", "--config", "tiny.yaml", "--dry-run"};
  for (const std::string number : {"2", "4"}) {
    std::vector<std::string> settings = letters(number, number);
    settings.insert(settings.end(), {"--set", "model.latent_dim=8"});
    const ProgramResult wrong = with(command, settings);
    EXPECT_EQ(wrong.exit_code, 2);
    EXPECT_THAT(wrong.err,
                HasSubstr(" has images of 3 classes; set model.classes: 0 to train without "
                          "classes, or model.classes: 3, model.latent_modes: 3\n"));
  }
  std::vector<std::string> told = letters("3", "3");
  told.insert(told.end(), {"--set", "model.latent_dim=8"});
  EXPECT_EQ(with(command, told).exit_code, 0);
}

TEST_F(Labels, OfAFolderOfClassesAreItsName) {
  for (const auto& [name, value] : {std::pair("1", 30), {"10", 120}, {"2", 220}}) {
    for (int i = 0; i < 20; ++i) {
      testing::put_picture(folder_ / "pictures" / name / (std::to_string(i) + ".png"), value + i);
    }
  }
  std::vector<std::string> settings = letters();
  const auto more =
      set({"data.format=folder", "data.path=pictures", "data.cache=none", "data.classes=true"});
  settings.insert(settings.end(), more.begin(), more.end());
  train("run", settings);
  const auto second = drawn("run", "10");
  EXPECT_NE(drawn("run", "2"), second) << "not the class of number 2";
  EXPECT_EQ(run({"sample", "--ckpt", "run", "--class", "0"}).exit_code, 2);
  for (const auto& [name, word] : {std::pair("1", "ant"), {"10", "bee"}, {"2", "cat"}}) {
    std::filesystem::rename(folder_ / "pictures" / name, folder_ / "pictures" / word);
  }
  train("words", settings);
  EXPECT_EQ(drawn("words", "bee"), second);
  EXPECT_EQ(drawn("words", "1"), second) << "by its number, where no name is one";
  std::filesystem::rename(folder_ / "pictures/bee", folder_ / "pictures/ant,cat");
  train("commas", settings);
  EXPECT_EQ(drawn("commas", "ant,cat"), second) << "a name with a comma";
  EXPECT_EQ(drawn("commas", "cat,ant,cat"), drawn("commas", "2,0,2")) << "three classes";
  const std::vector<std::string> two{"sample", "--ckpt", "commas", "-n", "4", "--out", "two.png"};
  const auto drawn_by = [&](const std::vector<std::string>& classes) {
    std::vector<std::string> arguments = two;
    arguments.insert(arguments.end(), classes.begin(), classes.end());
    EXPECT_EQ(run(arguments).exit_code, 0);
    return bytes("two.png");
  };
  EXPECT_EQ(drawn_by({"--class", "ant,cat", "--class", "cat"}), drawn_by({"--class", "1,2"}));
  EXPECT_THAT(run({"sample", "--ckpt", "words", "--class", "bees"}).err,
              HasSubstr("the classes of words are ant, bee, cat\n"));
}

TEST_F(Labels, AreKeptByFeatures) {
  const ProgramResult made =
      run({"features", "train", "--data", "letters", "--out", "f.pt", "--epochs", "1"});
  ASSERT_EQ(made.exit_code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("f.pt: 3 classes"));
  EXPECT_THAT(made.out, HasSubstr("of 15 test images right"));
  EXPECT_THAT(run({"inspect", "f.pt"}).out, HasSubstr("\nclass names     1, 2, 5\n"));
  train("run", letters());
  const ProgramResult report =
      run({"evaluate", "--ckpt", "run", "--features", "f.pt", "--samples", "20", "--json"});
  ASSERT_EQ(report.exit_code, 0) << report.err;
  EXPECT_EQ(nlohmann::json::parse(report.out)["classes"]["names"],
            (std::vector<std::string>{"1", "2", "5"}));
}

// Values ------------------------------------------------------------------------------------------

TEST_F(Labels, TwelveBitsInSixteenAreToldAndMadeWhite) {
  for (int i = 0; i < 20; ++i) {
    std::vector<std::uint16_t> values(64);
    for (int pixel = 0; pixel < 64; ++pixel) {
      values[static_cast<std::size_t>(pixel)] = static_cast<std::uint16_t>(pixel * 65 - i);
    }
    values[0] = 0;
    testing::put_wide_picture(folder_ / "scans" / (std::to_string(i) + ".png"), 8, 8, values);
  }
  const auto scans = [](const std::string& levels) {
    return set({"data.format=folder", "data.path=scans", "data.image_size=[8, 8]", "data.limit=0",
                "data.cache=cache", "data.levels=" + levels});
  };
  const std::string warning =
      ": its largest value is 16 of 255, so that the images are nearly black; set data.levels: "
      "auto";
  for (const auto& command : {std::vector<std::string>{"data", "show", "--config", "tiny.yaml"},
                              {"train", "--config", "tiny.yaml", "--dry-run"}}) {
    const ProgramResult dark = with(command, scans("full"));
    EXPECT_EQ(dark.exit_code, 0) << dark.err;
    EXPECT_THAT(dark.err, HasSubstr(warning));
    const ProgramResult scaled = with(command, scans("auto"));
    EXPECT_EQ(scaled.exit_code, 0) << scaled.err;
    EXPECT_THAT(scaled.err, Not(HasSubstr("largest value is")));
  }
  const ProgramResult shown = with({"data", "show", "--config", "tiny.yaml"}, scans("auto"));
  EXPECT_THAT(shown.out, HasSubstr("\nlargest value   255\nwhite           4,095\n"));
}

TEST_F(Labels, ASetWithAlmostNoContrastIsTold) {
  for (int i = 0; i < 20; ++i) {
    testing::put_picture(folder_ / "flat" / (std::to_string(i) + ".png"), 120 + i / 10);
  }
  const ProgramResult shown =
      with({"data", "show", "--config", "tiny.yaml"},
           set({"data.format=folder", "data.path=flat", "data.image_size=[8, 8]", "data.limit=0",
                "data.cache=none"}));
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_THAT(shown.err, HasSubstr(": its images have almost no contrast (mean 0.4"));
}

}  // namespace
}  // namespace dcgan
