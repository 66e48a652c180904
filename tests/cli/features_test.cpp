// `dcgan features train`, as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/file.h"
#include "support/put_striped_set.h"
#include "support/run_program.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::ProgramResult;
using testing::run_program;
using testing::RunningProgram;
using testing::TempFolder;

/// A folder "data" with stripes across (label 0) and down (label 1), 8 x 8 pixels, 256 to train on
/// and 64 to test on.
class FeaturesTrain : public ::testing::Test {
 protected:
  FeaturesTrain() {
    make_folder(folder_ / "data");
    put("train", 256, /*labelled=*/true);
    put("t10k", 64, /*labelled=*/true);
  }

  void put(const std::string& split, int count, bool labelled) const {
    testing::put_striped_set(folder_ / "data", split, count, labelled);
  }

  ProgramResult run(const std::vector<std::string>& arguments) const {
    return run_program(arguments, {.folder = folder_.path()});
  }
  ProgramResult train(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"features", "train", "--data",   "data",
                                       "--out",    out,     "--device", "cpu"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }

  TempFolder folder_;
};

TEST_F(FeaturesTrain, MakesTheSameBytesTwiceAndSaysHowGood) {
  const ProgramResult result = train("a.pt", {"--epochs", "8"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, MatchesRegex("a\\.pt: 2 classes, 128 features, .* % of 64 test images "
                                       "right\n"));
  EXPECT_THAT(result.err, HasSubstr("256 images of 8 x 8, 2 classes"));
  EXPECT_THAT(result.err, HasSubstr("epoch 8/8  loss "));
  EXPECT_EQ(train("b.pt", {"--epochs", "8"}).exit_code, 0);
  EXPECT_EQ(read_file(folder_ / "a.pt"), read_file(folder_ / "b.pt"));
  EXPECT_EQ(train("c.pt", {"--epochs", "8", "--seed", "2"}).exit_code, 0);
  EXPECT_NE(read_file(folder_ / "a.pt"), read_file(folder_ / "c.pt"));
}

TEST_F(FeaturesTrain, MakesAFileThatInspectExplains) {
  ASSERT_EQ(train("a.pt", {"--epochs", "8", "--seed", "3", "--flip"}).exit_code, 0);
  const ProgramResult text = run({"inspect", "a.pt"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* const line :
       {"kind            dcgan feature network\n", "input           1 x 8 x 8\n",
        "images          256\nepochs          8\nseed            3\nflip            true\n",
        "test accuracy   "}) {
    EXPECT_THAT(text.out, HasSubstr(line));
  }
  const ProgramResult result = run({"inspect", "--json", "a.pt"});
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["kind"], "dcgan feature network");
  EXPECT_EQ(json["input"], (std::vector<int>{1, 8, 8}));
  EXPECT_EQ(json["classes"], 2);
  EXPECT_GE(json["test_accuracy"], 0.9);
}

TEST_F(FeaturesTrain, MakesNoGenerator) {
  ASSERT_EQ(train("a.pt", {"--epochs", "1"}).exit_code, 0);
  const ProgramResult result = run({"sample", "--ckpt", "a.pt"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(result.err,
            "dcgan: a.pt: a feature network, which tells images apart but makes none; name a g.pt, "
            "a checkpoint or a run directory\n");
}

TEST_F(FeaturesTrain, KeepsAnExistingFileWithoutForce) {
  write_file_atomically(folder_ / "a.pt", "mine");
  const ProgramResult result = train("a.pt", {"--epochs", "1"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(
      result.err,
      "dcgan: --out a.pt: is there already; name a new file, or replace a file with --force\n");
  EXPECT_EQ(read_file(folder_ / "a.pt"), "mine");
  EXPECT_EQ(train("a.pt", {"--epochs", "1", "--force"}).exit_code, 0);
  EXPECT_NE(read_file(folder_ / "a.pt"), "mine");
}

TEST_F(FeaturesTrain, StoppedLeavesNothing) {
  RunningProgram program({"features", "train", "--data", "data", "--out", "a.pt", "--epochs",
                          "100000", "--device", "cpu"},
                         {.folder = folder_.path()});
  while (program.is_running() && program.err().find("epoch 1/") == std::string::npos) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  program.send(SIGINT);
  const ProgramResult result = program.wait();
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("stopped; nothing was written"));
  const auto entries = std::filesystem::directory_iterator(folder_.path());
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 1);  // data
}

TEST_F(FeaturesTrain, NamesWhatIsWrongWithTheOutput) {
  EXPECT_THAT(train("data", {"--force"}).err, HasSubstr("dcgan: --out data: is there already; "));
  EXPECT_EQ(train("nowhere/a.pt").err,
            "dcgan: nowhere/a.pt: there is no folder nowhere; make it first\n");
}

TEST_F(FeaturesTrain, NamesWhatIsWrongWithTheData) {
  put("train", 256, /*labelled=*/false);
  const ProgramResult unlabelled = train("a.pt");
  EXPECT_EQ(unlabelled.exit_code, 1);
  EXPECT_THAT(unlabelled.err, HasSubstr("every image has the same label; a classifier needs"));
  std::filesystem::remove(folder_ / "data" / "t10k-labels-idx1-ubyte");
  const ProgramResult untested = train("a.pt");
  EXPECT_EQ(untested.exit_code, 1);
  EXPECT_THAT(untested.err, HasSubstr("data: no t10k-labels file (looked for "));
  EXPECT_FALSE(exists("a.pt"));
}

TEST(FeaturesCommand, AloneShowsItsHelp) {
  const ProgramResult result = run_program({"features"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("Usage: dcgan features [OPTIONS] [COMMAND]"));
  EXPECT_THAT(result.err, HasSubstr("train"));
}

}  // namespace
}  // namespace dcgan
