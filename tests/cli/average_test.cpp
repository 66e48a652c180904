// `dcgan average`, as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/training_fixture.h"

namespace dcgan {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::Training;

class Average : public Training {
 protected:
  Average() { train("run", {"--set", "train.posthoc_ema=true"}); }

  ProgramResult average(std::vector<std::string> more) const {
    std::vector<std::string> arguments{"average", "run"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }
  void expect_done(const std::vector<std::string>& arguments) const {
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
  }
};

TEST_F(Average, MakesAGeneratorThatOtherCommandsTake) {
  const ProgramResult made = average({"--width", "0.08", "--out", "g.pt"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out,
            "g.pt: the average of width 0.08 after step 128, of 32 snapshots; its weighting of the "
            "steps is off by 0.1 %\n");
  expect_done({"sample", "--ckpt", "g.pt", "-n", "4"});
  expect_done({"export", "--ckpt", "g.pt", "--to", "g.onnx"});
  expect_done({"evaluate", "--ckpt", "g.pt", "--samples", "20"});
  EXPECT_THAT(run({"inspect", "g.pt"}).out, ContainsRegex("step +128"));
}

TEST_F(Average, DiffersByWidthAndStep) {
  average({"--width", "0.03", "--out", "narrow.pt"});
  average({"--width", "0.2", "--out", "wide.pt"});
  average({"--width", "0.2", "--step", "64", "--out", "earlier.pt"});
  EXPECT_NE(bytes("narrow.pt"), bytes("wide.pt"));
  EXPECT_NE(bytes("earlier.pt"), bytes("wide.pt"));
  EXPECT_THAT(run({"inspect", "earlier.pt"}).out, ContainsRegex("step +64"));
}

TEST_F(Average, ChangesNothingElseOfARun) {
  train("plain");
  const auto pixels = [this](const std::string& of) { return bytes(of + "/samples/000128.png"); };
  EXPECT_EQ(pixels("run"), pixels("plain"));
  EXPECT_EQ(timeless_metrics("run"), timeless_metrics("plain"));
  EXPECT_FALSE(exists("plain/averages"));
}

TEST_F(Average, NamesASnapshotThatIsDamaged) {
  write_file_atomically(folder_ / "run/averages/000064.pt", "PK");
  const ProgramResult refused = average({"--width", "0.08"});
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_EQ(refused.err,
            "dcgan: run/averages/000064.pt: the archive is truncated or damaged; remove it: the "
            "other snapshots give an average, though a less exact one\n");
}

TEST_F(Average, RefusesAStepBeyondTheRun) {
  const ProgramResult refused = average({"--width", "0.08", "--step", "129"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_EQ(refused.err, "dcgan: --step: no snapshot in run/averages is of step 129; try 128\n");
}

TEST_F(Average, InspectSaysWhatASnapshotIs) {
  EXPECT_THAT(run({"inspect", "run/averages/000064.pt"}).out,
              HasSubstr("dcgan snapshot of averages"));
}

}  // namespace
}  // namespace dcgan
