// What `dcgan train` says of its samples and of what goes wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <filesystem>
#include <string>
#include <vector>

#include "cli/training_fixture.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::ProgramResult;
using testing::run_program;
using testing::RunningProgram;
using testing::Training;

const std::vector<std::string> kEvaluated{"--set", "train.evaluate_samples=100"};

TEST_F(Training, EvaluatesEachEpochAndKeepsTheBest) {
  const ProgramResult trained = train("run", kEvaluated);
  EXPECT_THAT(trained.err, HasSubstr("evaluating 100 samples against 200 real images"));
  EXPECT_THAT(trained.err, HasSubstr("evaluation  fid "));
  std::vector<double> fids;
  for (const auto& line : metrics("run")) {
    if (!line.contains("fid")) continue;
    fids.push_back(line["fid"]);
    EXPECT_EQ(line["shares"].size(), 10U);
  }
  ASSERT_EQ(fids.size(), 2U);
  const ProgramResult best =
      run_program({"inspect", "run/best.pt", "--json"}, {.folder = folder_.path()});
  const auto step = nlohmann::json::parse(best.out)["step"].get<int>();
  EXPECT_EQ(step, fids[1] < fids[0] ? 128 : 64);
}

TEST_F(Training, EvaluationChangesNothing) {
  train("with", kEvaluated);
  train("without", {"--set", "train.evaluate_every=0"});
  EXPECT_EQ(bytes("with/samples/000128.png"), bytes("without/samples/000128.png"));
  auto lines = timeless_metrics("with");
  std::erase_if(lines, [](const auto& line) { return line.contains("fid"); });
  EXPECT_EQ(lines, timeless_metrics("without"));
  EXPECT_FALSE(exists("without/best.pt"));
}

TEST_F(Training, EvaluatedAndKilledKeepsTheSameBest) {
  train("whole", kEvaluated);
  RunningProgram program(
      {"train", "--config", "tiny.yaml", "--out", "run", kEvaluated[0], kEvaluated[1]},
      {.folder = folder_.path()});
  wait_for_step(program, "run", 80);
  program.send(SIGKILL);
  program.wait();
  EXPECT_EQ(resume("run").exit_code, 0);
  expect_same_end("whole", "run", "000128");
  EXPECT_EQ(bytes("whole/best.pt"), bytes("run/best.pt"));
}

TEST_F(Training, SaysWhyItDoesNotEvaluate) {
  EXPECT_THAT(train("run").err, HasSubstr("the samples are not evaluated: 512 images are too few"));
}

struct Failing {
  const char* name;
  std::vector<std::string> settings;
  std::vector<const char*> warnings;
};

void PrintTo(const Failing& failing, std::ostream* out) { *out << failing.name; }

class FailingTraining : public Training, public ::testing::WithParamInterface<Failing> {};

TEST_P(FailingTraining, SaysWhatIsWrongOnce) {
  std::vector<std::string> more{"--set", "train.epochs=24"};
  for (const std::string& setting : GetParam().settings) {
    more.insert(more.end(), {"--set", setting});
  }
  const std::string log = train("run", more).err;
  for (const char* warning : GetParam().warnings) {
    const std::size_t first = log.find(warning);
    ASSERT_NE(first, std::string::npos) << log;
    EXPECT_EQ(log.find(warning, first + 1), std::string::npos) << warning;
  }
}

INSTANTIATE_TEST_SUITE_P(
    Made, FailingTraining,
    ::testing::Values(
        Failing{"DiscriminatorWinsAndSamplesCollapse",
                {"discriminator.lr=0.01", "generator.lr=0.00001"},
                {"the discriminator wins: for 300 steps", "the samples collapse: for 300 steps"}},
        Failing{"VanishingGradient",
                {"discriminator.lr=0.05", "generator.lr=0.000001", "train.loss=minimax"},
                {"the generator's gradient vanishes: for 300 steps"}},
        Failing{"MissingClass",
                {"generator.norm=none", "discriminator.norm=none", "generator.lr=0.02",
                 "discriminator.lr=0.01", "train.evaluate_samples=100"},
                {"missing from the samples in two evaluations in a row"}},
        Failing{
            "SwingingLoss",
            {"train.beta1=0.9", "train.beta2=0.9", "generator.lr=0.05", "discriminator.lr=0.05"},
            {"the losses swing apart: the generator's went between"}}),
    [](const auto& entry) { return entry.param.name; });

TEST_F(Training, ThatGoesWellHasNoWarning) {
  // Without R1 the discriminator memorises these few images, and wins.
  EXPECT_THAT(train("run", {"--set", "train.epochs=12", "--set", "train.r1_gamma=1"}).err,
              ::testing::Not(HasSubstr("warning")));
}

}  // namespace
}  // namespace dcgan
