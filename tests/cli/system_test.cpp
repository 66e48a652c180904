// Runs as batch systems, containers and pipelines have them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <string>
#include <vector>

#include "cli/training_fixture.h"
#include "dcgan/base/file.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

using testing::ProgramResult;
using testing::run_program;
using testing::RunningProgram;
using ::testing::StartsWith;
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

TEST_F(SystemTest, ATrainingOutlivesThePipeThatItWritesTo) {
  const ProgramResult result =
      shell("{ $dcgan train --config tiny.yaml --out run; echo $? > code; } 2>&1 | head -1");
  EXPECT_THAT(result.out, StartsWith("run directory: run"));
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
