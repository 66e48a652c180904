// `dcgan probe` and `dcgan inspect --features`, as a user runs them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/file.h"
#include "support/put_picture.h"
#include "support/put_striped_set.h"
#include "support/read_png.h"
#include "support/run_program.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using testing::put_striped_set;
using testing::run_program;
using testing::TempFolder;

/// A run on 256 images of 8 x 8 pixels in two classes, which it was not told, made once.
class Probe : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TempFolder;
    make_folder(*folder_ / "data");
    make_folder(*folder_ / "unlabelled");
    for (const std::string name : {"data", "unlabelled"}) {
      put_striped_set(*folder_ / name, "train", 256, name == "data");
      put_striped_set(*folder_ / name, "t10k", 64, name == "data");
    }
    write_file_atomically(*folder_ / "tiny.yaml",
                          "data: {path: data, image_size: [8, 8]}\n"
                          "model: {base_channels: 4, latent_dim: 8}\n"
                          "train: {epochs: 1, batch_size: 8, evaluate_every: 0}\n");
    const auto trained = run({"train", "-q", "--config", "tiny.yaml", "--out", "run"});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
  }
  static void TearDownTestSuite() { delete folder_; }

  static ProgramResult run(const std::vector<std::string>& arguments) {
    return run_program(arguments, {.folder = folder_->path()});
  }
  static void expect_error(const std::vector<std::string>& arguments, const std::string& message) {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 1) << result.out;
    EXPECT_THAT(result.err, HasSubstr(message));
  }

  static inline TempFolder* folder_ = nullptr;
};

TEST_F(Probe, ComparesFeaturesInATable) {
  const ProgramResult result = run({"probe", "--ckpt", "run", "--labels", "20"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("20 of each class, 5 choices labelled images, 64 to test"));
  for (const char* const line :
       {"\nD ", "\nD, random weights ", "\npixels ", "\n5 nearest neighbours, pixels "}) {
    EXPECT_THAT(result.out, HasSubstr(line));
  }
  EXPECT_THAT(result.out, Not(HasSubstr("model.classes")));
}

TEST_F(Probe, SpeaksJson) {
  const ProgramResult result = run({"probe", "--ckpt", "run", "--json"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["checkpoint"], "run/checkpoints/000032.pt");
  EXPECT_EQ(json["images"], 256);
  EXPECT_EQ(json["test_images"], 64);
  EXPECT_EQ(json["saw_labels"], false);
  EXPECT_EQ(json["results"][2]["features"], "pixels");
  EXPECT_EQ(json["results"][2]["size"], 64);
  EXPECT_EQ(json["results"][2]["accuracy"], 1.0);
}

TEST_F(Probe, SaysWhereDiscriminatorSawLabels) {
  ASSERT_EQ(run({"train", "-q", "--config", "tiny.yaml", "--out", "told", "--set",
                 "model.classes=2", "--set", "model.latent_modes=2"})
                .exit_code,
            0);
  EXPECT_THAT(run({"probe", "--ckpt", "told", "--labels", "5"}).out,
              HasSubstr("D was told the classes while it was trained (model.classes)"));
}

TEST_F(Probe, RefusesMoreLabelsThanAClassHas) {
  expect_error({"probe", "--ckpt", "run", "--labels", "129"},
               "class 0 has 128 images, fewer than --labels 129; lower --labels\n");
}

TEST_F(Probe, NeedsLabels) {
  expect_error({"probe", "--ckpt", "run", "--data", "unlabelled"},
               "every image has the same label; a classifier needs labels of 2 classes or more");
}

TEST_F(Probe, NeedsADiscriminator) {
  expect_error({"probe", "--ckpt", "run/g.pt"},
               "dcgan: run/g.pt: it holds no discriminator; name the folder of its run");
}

/// Pictures in a folder for each class, of which nothing is held out.
TEST_F(Probe, NeedsImagesToTestOn) {
  for (int i = 0; i < 24; ++i) {
    testing::put_picture(*folder_ / (i % 2 == 0 ? "pictures/a" : "pictures/b"), i);
  }
  const std::string config =
      "data: {path: pictures, format: folder, image_size: [8, 8], channels: 1, classes: true, ";
  write_file_atomically(*folder_ / "all.yaml",
                        config +
                            "held_out: 0}\n"
                            "model: {base_channels: 4, latent_dim: 8}\n"
                            "train: {epochs: 1, batch_size: 8, evaluate_every: 0}\n");
  write_file_atomically(*folder_ / "some.yaml", config + "held_out: 0.25}\n");
  ASSERT_EQ(run({"train", "-q", "--config", "all.yaml", "--out", "all"}).exit_code, 0);
  expect_error({"probe", "--ckpt", "all", "--labels", "3"},
               "data.held_out is 0, so that no image is left to test a classifier on; name "
               "labelled images with --data, or with --config a configuration that holds some out");
  for (const char* const remedy : {"--data=data", "--config=some.yaml"}) {
    const ProgramResult result = run({"probe", "--ckpt", "all", "--labels", "3", remedy});
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
}

TEST_F(Probe, InspectDrawsWhatFeaturesRespondTo) {
  const ProgramResult result = run({"inspect", "run", "--features", "features.png"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.out, "features.png\n");
  const auto picture = read_png(*folder_ / "features.png");
  EXPECT_EQ(picture.height, 8 * 52);
  EXPECT_EQ(picture.width, 2 * 2 * 6 * 52 + 12);
  expect_error({"inspect", "run/g.pt", "--features", "features.png"},
               "run/g.pt: it holds no discriminator");
  expect_error({"inspect", "run", "--features", "none/features.png"}, "there is no folder none");
}

}  // namespace
}  // namespace dcgan
