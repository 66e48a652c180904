#include "training/run_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace dcgan {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::error_of;
using ::testing::HasSubstr;
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
  EXPECT_THAT(error_of([] { RunDirectory::create({}, "mnist"); }),
              AllOf(HasSubstr("cannot be made: "), HasSubstr("name another folder with --out")));
}

TEST_F(RunDirectoryTest, NonEmptyOutIsRefused) {
  write_file_atomically("precious.txt", "");
  EXPECT_EQ(error_of([this] { RunDirectory::create(folder_.path().string(), "mnist"); }),
            "--out " + folder_.path().string() +
                ": the folder is not empty; name a new one, or go on with the run in it with "
                "--resume");
}

TEST_F(RunDirectoryTest, EmptyOutIsTaken) {
  make_folder("empty");
  EXPECT_EQ(RunDirectory::create("empty", "mnist").root(), "empty");
}

TEST_F(RunDirectoryTest, OutThatIsAFileIsRefused) {
  write_file_atomically("file", "");
  EXPECT_EQ(error_of([] { RunDirectory::create("file", "mnist"); }),
            "--out file: a file of that name exists; name a folder");
}

TEST_F(RunDirectoryTest, OnlyARunCanBeOpened) {
  EXPECT_THAT(error_of([] { RunDirectory::open("nowhere"); }), HasSubstr("there is no run in"));
  make_folder("empty");
  EXPECT_THAT(error_of([] { RunDirectory::open("empty"); }), HasSubstr("there is no run in"));
}

TEST_F(RunDirectoryTest, TakesOneTrainingAtATime) {
  const RunDirectory first = RunDirectory::create("run", "mnist");
  write_file_atomically(first.config(), "seed: 1\n");
  EXPECT_EQ(error_of([] { RunDirectory::open("run"); }),
            "run: another dcgan is training in this folder; wait for it or stop it first");
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
  EXPECT_THAT(error_of([] { find_generator_file("run"); }),
              HasSubstr("run: a folder without g.pt"));
  write_file_atomically(run.checkpoint(20), "x");
  write_file_atomically(run.checkpoint(3), "x");
  EXPECT_EQ(find_generator_file("run"), run.checkpoint(20));
  write_file_atomically(run.generator(), "x");
  EXPECT_EQ(find_generator_file("run"), run.generator());
  EXPECT_EQ(find_generator_file("elsewhere.pt"), "elsewhere.pt");
}

}  // namespace
}  // namespace dcgan
