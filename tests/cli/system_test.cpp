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

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
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

/// A limit on the address space, as in `ulimit -v`.
class LimitedMemory : public SystemTest {
 protected:
  void SetUp() override {
#if defined(__SANITIZE_ADDRESS__)
    GTEST_SKIP() << "the sanitizer takes terabytes of address space";
#endif
  }
};

TEST_F(LimitedMemory, ThatCantLoadLibTorchIsNamed) {
  for (const char* const command :
       {"--version", "train --config tiny.yaml --out run", "sample --ckpt g.pt",
        "evaluate --ckpt g.pt", "inspect g.pt", "data list"}) {
    for (const char* const limit : {"-v", "-d"}) {
      const ProgramResult result =
          shell(std::string("ulimit ") + limit + " 40000; exec $dcgan " + command);
      EXPECT_EQ(result.exit_code, 1) << command;
      EXPECT_THAT(result.err, AllOf(StartsWith("dcgan: LibTorch needs "),
                                    HasSubstr(std::string("and 'ulimit ") + limit +
                                              "' allows 39.1 MiB; raise that limit")))
          << command;
    }
  }
}

TEST_F(LimitedMemory, ThatSufficesTrains) {
  const ProgramResult result = shell(
      "unset OMP_NUM_THREADS; ulimit -v 1000000; exec $dcgan train --config tiny.yaml "
      "--threads 1 -q --out run");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_EQ(result.err, "");
  EXPECT_TRUE(exists("run/g.pt"));
}

/// From where LibTorch can just be loaded to where there is room: OpenBLAS would wait for ever,
/// oneDNN crash.
TEST_F(LimitedMemory, ThatIsReachedLaterIsAnErrorAndNoHang) {
  train("run");
  const std::string sample = "sample --ckpt run --threads 1";
  const std::string train = "train --config tiny.yaml --threads 2 -q --out new";
  for (const std::string& command :
       {"800000; exec $dcgan " + sample, "850000; exec $dcgan " + sample,
        "1100000; exec $dcgan " + train}) {
    const ProgramResult result = shell("rm -rf new; ulimit -v " + command);
    EXPECT_FALSE(result.timed_out) << command;
    if (result.exit_code == 0) continue;
    EXPECT_EQ(result.exit_code, 1) << command << ": " << result.err;
    EXPECT_THAT(result.err, HasSubstr("dcgan: ")) << command;
  }
}

TEST_F(LimitedMemory, IsNamedByADryRun) {
  const ProgramResult result =
      shell("ulimit -v 8000000; exec $dcgan train --config tiny.yaml --dry-run");
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr(" at the peak; this process may have 7.6 GiB of address space "
                                    "(ulimit -v)"));
}

TEST_F(SystemTest, TooManyThreadsForTheUserNameTheLimit) {
  // Root has no such limit.
  const std::string become = geteuid() == 0 ? "setpriv --reuid=65534 --clear-groups " : "";
  const ProgramResult result =
      shell("chmod 755 .; " + become +
            "bash -c 'ulimit -u 1; exec $dcgan sample --threads 2 --ckpt g.pt'");
  if (result.exit_code > 1) GTEST_SKIP() << "another user can't run the program: " << result.err;
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              AllOf(StartsWith("dcgan: no further thread can be started; "),
                    HasSubstr("(ulimit -u, a container's pids limit)"), HasSubstr("--threads")));
}

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
