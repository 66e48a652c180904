#include "training/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

/// A test in a working folder of its own.
class RunDirectoryTest : public ::testing::Test {
 protected:
  RunDirectoryTest() { std::filesystem::current_path(folder_.path()); }
  ~RunDirectoryTest() override { std::filesystem::current_path(before_); }

  std::filesystem::path before_ = std::filesystem::current_path();
  TempFolder folder_;
};

TEST_F(RunDirectoryTest, DefaultIsANewOneEachTime) {
  EXPECT_EQ(RunDirectory::create({}, "mnist").root(), "runs/mnist-001");
  EXPECT_EQ(RunDirectory::create({}, "mnist").root(), "runs/mnist-002");
  EXPECT_EQ(RunDirectory::create({}, "quick").root(), "runs/quick-001");
}

TEST_F(RunDirectoryTest, WhereTheDefaultCantBeMadeAnotherIsAskedFor) {
  namespace fs = std::filesystem;
  fs::permissions(folder_.path(), fs::perms::owner_read | fs::perms::owner_exec |
                                      fs::perms::others_read | fs::perms::others_exec);
  const testing::Unprivileged unprivileged;
  EXPECT_THAT(caught([] { RunDirectory::create({}, "mnist"); }),
              IsError(ErrorKind::failure, "runs/mnist-001", HasSubstr("cannot be made: "),
                      "name another folder with --out"));
}

TEST_F(RunDirectoryTest, NonEmptyOutIsRefused) {
  write_file_atomically("precious.txt", "");
  const std::string out = folder_.path().string();
  EXPECT_THAT(
      caught([&] { RunDirectory::create(out, "mnist"); }),
      IsError(ErrorKind::usage, "--out " + out, HasSubstr("not empty"), HasSubstr("--resume")));
}

TEST_F(RunDirectoryTest, EmptyOutIsTaken) {
  make_folder("empty");
  EXPECT_EQ(RunDirectory::create("empty", "mnist").root(), "empty");
}

TEST_F(RunDirectoryTest, OutThatIsAFileIsRefused) {
  write_file_atomically("file", "");
  EXPECT_THAT(caught([] { RunDirectory::create("file", "mnist"); }),
              IsError(ErrorKind::usage, "--out file", HasSubstr("a file"), "name a folder"));
}

TEST_F(RunDirectoryTest, OnlyARunCanBeOpened) {
  make_folder("empty");
  for (const std::string name : {"nowhere", "empty"}) {
    EXPECT_THAT(
        caught([&] { RunDirectory::open(name); }),
        IsError(ErrorKind::usage, "--resume", "there is no run in " + name, HasSubstr("--out")));
  }
}

TEST_F(RunDirectoryTest, TakesOneTrainingAtATime) {
  const RunDirectory first = RunDirectory::create("run", "mnist");
  write_file_atomically(first.config(), "seed: 1\n");
  EXPECT_THAT(caught([] { RunDirectory::open("run"); }),
              IsError(ErrorKind::failure, "run", HasSubstr("another dcgan is training"),
                      "wait for it or stop it first"));
}

TEST_F(RunDirectoryTest, CheckpointsAreListedByStepAndPruned) {
  const RunDirectory run = RunDirectory::create("run", "mnist");
  for (const std::int64_t step : {1000000, 20, 3}) write_file_atomically(run.checkpoint(step), "x");
  write_file_atomically(run.root() / "checkpoints" / "notes.txt", "x");
  EXPECT_THAT(list_checkpoints(run.root()),
              ElementsAre(run.checkpoint(3), run.checkpoint(20), run.checkpoint(1000000)));
  run.prune_checkpoints(2);
  EXPECT_THAT(list_checkpoints(run.root()),
              ElementsAre(run.checkpoint(20), run.checkpoint(1000000)));
}

TEST_F(RunDirectoryTest, StandsForItsGeneratorOrElseItsNewestCheckpoint) {
  const RunDirectory run = RunDirectory::create("run", "mnist");
  EXPECT_THAT(caught([] { find_generator_file("run"); }),
              IsError(ErrorKind::failure, "run", HasSubstr("a folder without g.pt"),
                      HasSubstr("name a g.pt")));
  write_file_atomically(run.checkpoint(20), "x");
  write_file_atomically(run.checkpoint(3), "x");
  EXPECT_EQ(find_generator_file("run"), run.checkpoint(20));
  write_file_atomically(run.generator(), "x");
  EXPECT_EQ(find_generator_file("run"), run.generator());
  EXPECT_EQ(find_generator_file("elsewhere.pt"), "elsewhere.pt");
}

}  // namespace
}  // namespace dcgan
