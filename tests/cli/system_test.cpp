// Runs as batch systems, containers and pipelines have them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/system_limits.h"
#include "cli/training_fixture.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using testing::run_program;
using testing::RunningProgram;
using testing::Training;

class SystemTest : public Training {
 protected:
  /// What bash makes of `script`, whose $dcgan is the program.
  ProgramResult shell(const std::string& script) const {
    return run_program({"-c", script}, {.folder = folder_.path(),
                                        .limit = std::chrono::seconds(30),
                                        .environment = {{"dcgan", DCGAN_PROGRAM}},
                                        .program = "/bin/bash"});
  }
};

TEST_F(SystemTest, MoreThreadsThanCoresAreWarnedOfOnce) {
  const std::string more = std::to_string(usable_cores() + 1);
  const std::string train = "exec $dcgan train --config tiny.yaml --dry-run";
  const ProgramResult asked = shell(train + " --threads " + more);
  EXPECT_THAT(asked.err, HasSubstr("warning: " + more + " threads on "));
  EXPECT_THAT(asked.err, HasSubstr("leave out --threads and run.threads"));
  EXPECT_EQ(asked.err.find("warning: "), asked.err.rfind("warning: ")) << asked.err;
  EXPECT_THAT(shell("export OMP_NUM_THREADS=" + more + "; " + train).err,
              HasSubstr("unset OMP_NUM_THREADS"));
  EXPECT_THAT(shell("unset OMP_NUM_THREADS; " + train).err, Not(HasSubstr("warning: ")));
}

TEST_F(SystemTest, ATrainingOutlivesThePipeThatItWritesTo) {
  const ProgramResult result =
      shell("{ $dcgan train --config tiny.yaml --out run; echo $? > code; } 2>&1 | head -1");
  EXPECT_FALSE(result.out.empty());
  EXPECT_EQ(bytes("code"), "0\n");
  EXPECT_TRUE(exists("run/checkpoints/000128.pt"));
}

TEST_F(SystemTest, AMeasurementOutlivesThePipeThatItWritesTo) {
  train("run");
  const ProgramResult result =
      shell("{ $dcgan evaluate --ckpt run --samples 20; echo $? > code; } 2>&1 | head -c 1");
  EXPECT_EQ(bytes("code"), "0\n");
}

TEST_F(SystemTest, ResultsThatNobodyReadsAreNoError) {
  const ProgramResult result =
      shell("{ sleep 0.2; $dcgan config; echo $? > code; } | true; cat code");
  EXPECT_EQ(result.out, "0\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(SystemTest, ATrainingUnderNohupGoesOn) {
  RunningProgram program(
      {"-c", "trap '' HUP; exec " DCGAN_PROGRAM " train --config tiny.yaml --out run"},
      {.folder = folder_.path(), .program = "/bin/bash"});
  wait_for_step(program, "run", 8);
  program.send(SIGHUP);
  EXPECT_EQ(program.wait().exit_code, 0);
  EXPECT_EQ(metrics("run").back()["step"], 128);
}

}  // namespace
}  // namespace dcgan
