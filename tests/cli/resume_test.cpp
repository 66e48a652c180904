// `dcgan train --resume`, as a user runs it: after a stop, a kill, and for longer.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>

#include "cli/training_fixture.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using testing::RunningProgram;
using testing::Training;

class StoppedTraining : public Training, public ::testing::WithParamInterface<int> {};

TEST_P(StoppedTraining, WritesACheckpointAndGoesOnBitForBit) {
  train("whole");
  RunningProgram program({"train", "--config", "tiny.yaml", "--out", "run"},
                         {.folder = folder_.path()});
  wait_for_step(program, "run", 8);
  program.send(GetParam());
  const ProgramResult stopped = program.wait();
  EXPECT_EQ(stopped.exit_code, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("a checkpoint is written. Go on with:\n"
                                     "  " DCGAN_PROGRAM " train --resume --out run\n"));
  const auto at = metrics("run").back()["step"].get<std::int64_t>();
  ASSERT_LT(at, 128) << "the run was over before the signal came";

  const ProgramResult resumed = resume("run");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  expect_same_end("whole", "run", "000128");
}

INSTANTIATE_TEST_SUITE_P(Signals, StoppedTraining, ::testing::Values(SIGINT, SIGTERM, SIGHUP),
                         [](const auto& entry) {
                           return entry.param == SIGINT    ? "Interrupt"
                                  : entry.param == SIGTERM ? "Terminate"
                                                           : "Hangup";
                         });

TEST_F(Training, QuietlyStoppedStillSaysHowToGoOn) {
  RunningProgram program({"train", "-q", "--config", "tiny.yaml", "--out", "run"},
                         {.folder = folder_.path()});
  wait_for_step(program, "run", 8);
  program.send(SIGINT);
  const ProgramResult stopped = program.wait();
  EXPECT_EQ(stopped.exit_code, 130);
  EXPECT_THAT(stopped.err, HasSubstr("  " DCGAN_PROGRAM " train --resume --out run\n"));
}

TEST_F(Training, KilledBetweenCheckpointsGoesOnBitForBit) {
  const std::vector<std::string> often{"--set", "train.checkpoint_every=7"};
  train("whole", often);
  RunningProgram program({"train", "--config", "tiny.yaml", "--out", "run", often[0], often[1]},
                         {.folder = folder_.path()});
  wait_for_step(program, "run", 24);
  program.send(SIGKILL);
  EXPECT_EQ(program.wait().exit_code, 128 + SIGKILL);
  EXPECT_FALSE(exists("run/checkpoints/000128.pt")) << "the run was over before the signal came";

  const ProgramResult resumed = resume("run");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("resuming from run/checkpoints/"));
  expect_same_end("whole", "run", "000128");
}

TEST_F(Training, KilledBeforeItsFirstCheckpointStartsAgain) {
  train("whole");
  RunningProgram program({"train", "--config", "tiny.yaml", "--out", "run"},
                         {.folder = folder_.path()});
  wait_for_step(program, "run", 4);
  program.send(SIGKILL);
  program.wait();
  if (exists("run/checkpoints/000064.pt")) GTEST_SKIP() << "a checkpoint came before the signal";
  const ProgramResult resumed = resume("run");
  EXPECT_THAT(resumed.err, HasSubstr("no checkpoint was written yet: starting from step 0"));
  expect_same_end("whole", "run", "000128");
}

TEST_F(Training, GoesOnForMoreEpochsAsIfItHadBeenToldSo) {
  train("long", {"--set", "train.epochs=3"});
  train("short", {"--set", "train.epochs=1"});
  const ProgramResult resumed = resume("short", {"--set", "train.epochs=3"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("train.epochs changes from 1 to 3"));
  expect_same_end("long", "short", "000192");
}

/// Every feature that a step may have beyond the paper's.
const std::vector<std::string> kRegularised{
    "--set", "train.r1_gamma=1",          "--set", "train.r1_every=3",
    "--set", "train.ema_decay=0.99",      "--set", "train.lr_schedule=cosine",
    "--set", "train.label_smoothing=0.1", "--set", "train.translation=2",
    "--set", "train.color_jitter=1",      "--set", "train.cutout=0.5",
    "--set", "train.augment_target=0.5",  "--set", "train.instance_noise=0.1",
    "--set", "train.posthoc_ema=true"};

TEST_F(Training, RegularisedAndKilledGoesOnBitForBit) {
  std::vector<std::string> often = kRegularised;
  often.insert(often.end(), {"--set", "train.checkpoint_every=7"});
  train("whole", often);
  std::vector<std::string> arguments{"train", "--config", "tiny.yaml", "--out", "run"};
  arguments.insert(arguments.end(), often.begin(), often.end());
  RunningProgram program(arguments, {.folder = folder_.path()});
  wait_for_step(program, "run", 24);
  program.send(SIGKILL);
  program.wait();
  EXPECT_FALSE(exists("run/checkpoints/000128.pt")) << "the run was over before the signal came";
  const ProgramResult resumed = resume("run");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  expect_same_end("whole", "run", "000128");
}

TEST_F(Training, WassersteinAndStoppedAmongTheDiscriminatorsStepsGoesOnBitForBit) {
  const std::vector<std::string> critic{
      "--set", "train.loss=wasserstein",      "--set", "train.gradient_penalty=10",
      "--set", "train.discriminator_steps=3", "--set", "train.ema_decay=0.9",
      "--set", "discriminator.norm=none",     "--set", "train.checkpoint_every=50"};
  // Step 100 is the first of D's three.
  EXPECT_THAT(expect_to_go_on_to_the_same_end(critic).err, HasSubstr("(step 100)"));
  EXPECT_TRUE(metrics("run").front().contains("gradient_penalty"));
}

TEST_F(Training, ResumesWithClassesToTheSameEnd) {
  // From step 64; R1 is in steps 51 and 101, and the metrics between have that of 51.
  expect_to_go_on_to_the_same_end({"--set", "model.classes=10", "--set", "model.latent_modes=20",
                                   "--set", "model.latent_dim=24", "--set", "train.r1_gamma=1",
                                   "--set", "train.r1_every=50"});
}

TEST_F(Training, ResumesWithoutTheFileThatItStartedFrom) {
  train("source", {"--set", "train.epochs=1"});
  const ProgramResult first =
      train("whole", {"--set", "train.init_from=source", "--set", "train.optimizer=sgd", "--set",
                      "train.freeze=discriminator.layer1"});
  EXPECT_THAT(first.err, HasSubstr("starting from " + (folder_ / "source").string() +
                                   "/checkpoints/000064.pt (step 64): both networks"));
  std::filesystem::copy(folder_ / "whole", folder_ / "run",
                        std::filesystem::copy_options::recursive);
  std::filesystem::remove(folder_ / "run/checkpoints/000128.pt");
  std::filesystem::remove(folder_ / "run/g.pt");
  std::filesystem::remove_all(folder_ / "source");
  EXPECT_EQ(resume("run").exit_code, 0);
  expect_same_end("whole", "run", "000128");
}

TEST_F(Training, ResumeRefusesAnotherOptimizer) {
  train("run", {"--set", "train.epochs=1"});
  const ProgramResult refused = resume("run", {"--set", "train.optimizer=sgd"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("train.optimizer: adam in the run, sgd now"));
}

TEST_F(Training, EndedBetweenItsLastCheckpointAndItsGeneratorResumesToBoth) {
  train("run");
  const std::string generator = bytes("run/g.pt");
  std::filesystem::remove(folder_ / "run/g.pt");
  EXPECT_EQ(resume("run").exit_code, 0);
  EXPECT_EQ(bytes("run/g.pt"), generator);
}

TEST_F(Training, InBfloat16GoesOnBitForBit) {
  std::vector<std::string> half = kRegularised;
  half.insert(half.end(), {"--set", "train.precision=bf16", "--set", "train.checkpoint_every=40"});
  EXPECT_THAT(expect_to_go_on_to_the_same_end(half).err, HasSubstr("(step 120)"));
}

TEST_F(Training, LengthIsFixedUnderASchedule) {
  train("run", kRegularised);
  const ProgramResult resumed = resume("run", {"--set", "train.epochs=3"});
  EXPECT_EQ(resumed.exit_code, 2);
  EXPECT_THAT(resumed.err, HasSubstr("train.epochs: 2 in the run, 3 now"));
}

TEST_F(Training, FinishedSaysHowToGoOn) {
  train("run");
  const ProgramResult resumed = resume("run");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.err, HasSubstr("all epochs are done already; a larger train.epochs goes on"));
}

TEST_F(Training, ResumeRefusesAnotherConfigurationAndListsBothValues) {
  train("run", {"--set", "train.epochs=1"});
  const std::string before = bytes("run/config.yaml");
  const ProgramResult resumed =
      resume("run", {"--set", "generator.lr=0.001", "--set", "train.batch_size=16"});
  EXPECT_EQ(resumed.exit_code, 2);
  EXPECT_EQ(resumed.err,
            "dcgan: --resume: run/checkpoints/000064.pt is of a run with another configuration: "
            "generator.lr: 0.0002 in the run, 0.001 now, train.batch_size: 8 in the run, 16 now; "
            "take these values back, or start a new run with another --out\n");
  EXPECT_EQ(bytes("run/config.yaml"), before);
}

TEST_F(Training, ResumeRefusesOtherImages) {
  train("run", {"--set", "train.epochs=1"});
  // The same names, the same count, other pictures.
  std::filesystem::create_directory(folder_ / "other");
  for (const char* name : {"images-idx3-ubyte.gz", "labels-idx1-ubyte.gz"}) {
    std::filesystem::copy(std::string(DCGAN_SOURCE_DIR) + "/data/mnist/t10k-" + name,
                          folder_ / "other" / (std::string("train-") + name));
  }
  const ProgramResult resumed = resume("run", {"--set", "data.path=other"});
  EXPECT_EQ(resumed.exit_code, 1);
  EXPECT_THAT(resumed.err, HasSubstr("its run was trained on other images"));
}

TEST_F(Training, KilledRunLeavesNoTemporaryFilesBehindAResume) {
  train("run", {"--set", "train.epochs=1"});
  write_file_atomically(folder_ / "run/checkpoints/.dcgan-4711-0.tmp", "half a checkpoint");
  EXPECT_EQ(resume("run", {"--set", "train.epochs=2"}).exit_code, 0);
  EXPECT_FALSE(exists("run/checkpoints/.dcgan-4711-0.tmp"));
}

TEST_F(Training, ResumeOfAFinishedRunWithoutCheckpointsIsRefused) {
  train("run", {"--set", "train.epochs=1"});
  std::filesystem::remove_all(folder_ / "run/checkpoints");
  const std::string before = bytes("run/g.pt");
  const ProgramResult resumed = resume("run", {"--set", "train.epochs=2"});
  EXPECT_EQ(resumed.exit_code, 2);
  EXPECT_THAT(resumed.err, HasSubstr("run has a g.pt but no checkpoints"));
  EXPECT_EQ(bytes("run/g.pt"), before);
  EXPECT_EQ(metrics("run").size(), 16U);
}

TEST_F(Training, ResumeOfNoRunSaysSo) {
  const ProgramResult resumed = resume("nowhere");
  EXPECT_EQ(resumed.exit_code, 2);
  EXPECT_EQ(resumed.err,
            "dcgan: --resume: there is no run in nowhere; name the folder of a run with --out\n");
}

TEST_F(Training, DryRunRefusesWhatARunWouldRefuse) {
  train("run", {"--set", "train.epochs=1"});
  EXPECT_EQ(run({"train", "--config", "tiny.yaml", "--dry-run", "--out", "run"}).exit_code, 2);
  EXPECT_EQ(resume("run", {"--dry-run", "--seed", "4"}).exit_code, 2);
  EXPECT_EQ(resume("run", {"--dry-run", "--set", "train.epochs=2"}).exit_code, 0);
}

TEST_F(Training, LoweredBelowItsStepNamesOnlyFilesThatAreThere) {
  train("run", {"--set", "train.sample_every=1000", "--set", "train.checkpoint_every=100"});
  std::filesystem::remove(folder_ / "run/checkpoints/000128.pt");
  const ProgramResult resumed = resume("run", {"--set", "train.epochs=1"});
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_THAT(resumed.out, Not(HasSubstr("samples:")));
}

}  // namespace
}  // namespace dcgan
