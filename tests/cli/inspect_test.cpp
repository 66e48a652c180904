// `dcgan inspect`, `dcgan --version`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "base/system_limits.h"
#include "cli/training_fixture.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using testing::run_program;
using testing::Training;

class Inspect : public Training {
 protected:
  Inspect() { train("run", {"--set", "train.epochs=1"}); }
};

TEST_F(Inspect, ShowsAGenerator) {
  const ProgramResult result = run({"inspect", "run/g.pt"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out, HasSubstr("file            run/g.pt\n"
                                    "kind            dcgan generator\n"
                                    "format version  1\n"));
  EXPECT_THAT(result.out, HasSubstr("\nstep            64\n"));
  EXPECT_THAT(result.out, HasSubstr("transposed convolution 4x4"));
  EXPECT_THAT(result.out, HasSubstr("base_channels: 4"));
  EXPECT_THAT(result.out, Not(HasSubstr("discriminator  ")));
}

TEST_F(Inspect, ShowsBothNetworksOfARun) {
  const ProgramResult result = run({"inspect", "run"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_THAT(result.out,
              HasSubstr("run/checkpoints/000064.pt\nkind            dcgan checkpoint\n"));
  EXPECT_THAT(result.out, HasSubstr("transposed convolution 4x4"));
  EXPECT_THAT(result.out, HasSubstr("convolution 4x4 /2, BatchNorm, leaky_relu(0.2)"));
}

TEST_F(Inspect, SpeaksJson) {
  const ProgramResult result = run({"inspect", "run", "--json"});
  const auto json = nlohmann::json::parse(result.out);
  EXPECT_EQ(json["kind"], "dcgan checkpoint");
  EXPECT_EQ(json["step"], 64);
  EXPECT_EQ(json["generator"].size(), 4U);
  EXPECT_EQ(json["generator"][0]["output"], (std::vector<int>{16, 4, 4}));
  EXPECT_EQ(json["config"]["model.base_channels"], 4);
  EXPECT_EQ(json["config"]["generator.activation"], "relu");
}

TEST_F(Inspect, ShowsTheTensorsOfAForeignTorchScript) {
  // A fixture of Python's is no archive of ours.
  const ProgramResult result =
      run({"inspect", std::string(DCGAN_SOURCE_DIR) + "/tests/fixtures/dense_28x28x1.pt"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("kind            TorchScript\n"));
  EXPECT_THAT(result.out, HasSubstr("generator.layer1.weight"));
}

TEST_F(Training, VersionNamesTheMachine) {
  const ProgramResult result = run({"--version"});
  EXPECT_EQ(result.exit_code, 0);
  for (const char* part :
       {"dcgan 0.", "\nLibTorch ", "\ndevices: cpu", "\nthreads: ", "\nBLAS: "}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
}

TEST_F(Training, TakesAsManyThreadsAsTheEnvironmentSays) {
  for (const char* wanted : {"3", "3,2"}) {
    const ProgramResult result = run_program(
        {"--version"}, {.folder = folder_.path(), .environment = {{"OMP_NUM_THREADS", wanted}}});
    EXPECT_THAT(result.out, HasSubstr("\nthreads: 3\n"));
  }
}

/// What OpenMP's library says of itself in `command`; nothing where it is not GNU's.
std::string openmp_settings(std::vector<std::pair<std::string, std::string>> environment,
                            const std::vector<std::string>& command = {"--version"}) {
  unsetenv("OMP_NUM_THREADS");  // which ctest sets
  environment.emplace_back("OMP_DISPLAY_ENV", "verbose");
  const std::string said = run_program(command, {.environment = environment}).err;
  return said.find("GOMP_") == std::string::npos ? "" : said;
}

TEST(OpenMp, HasAThreadForEachCoreWhichSleepsWhenIdle) {
  const std::string said = openmp_settings({});
  if (said.empty()) GTEST_SKIP() << "OpenMP is not GNU's";
  EXPECT_THAT(said, HasSubstr("OMP_NUM_THREADS = '" + std::to_string(usable_cores()) + "'"));
  EXPECT_THAT(said, HasSubstr("GOMP_SPINCOUNT = '0'"));
  EXPECT_THAT(openmp_settings({}, {"evaluate", "--ckpt", "none", "--threads", "3"}),
              AllOf(HasSubstr("GOMP_SPINCOUNT = '0'"), HasSubstr("OMP_NUM_THREADS = '3'")));
}

TEST(OpenMp, SpinsShortlyInATraining) {
  const std::string said = openmp_settings({}, {"train", "--resume", "--out", "none"});
  if (said.empty()) GTEST_SKIP() << "OpenMP is not GNU's";
  EXPECT_THAT(said, HasSubstr("GOMP_SPINCOUNT = '10000'"));
}

TEST(OpenMp, KeepsWhatTheUserChose) {
  const std::string said = openmp_settings({{"GOMP_SPINCOUNT", "77"}, {"OMP_NUM_THREADS", "1"}});
  if (said.empty()) GTEST_SKIP() << "OpenMP is not GNU's";
  EXPECT_THAT(said, HasSubstr("OMP_NUM_THREADS = '1'"));
  EXPECT_THAT(said, HasSubstr("GOMP_SPINCOUNT = '77'"));
  // Passive threads do not spin at all.
  EXPECT_THAT(openmp_settings({{"OMP_WAIT_POLICY", "passive"}}), HasSubstr("GOMP_SPINCOUNT = '0'"));
}

}  // namespace
}  // namespace dcgan
