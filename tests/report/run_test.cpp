#include "report/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/run_fixture.h"
#include "support/expect_error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::caught;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsError;

class ReadRuns : public testing::RunFolders {
 protected:
  Error error_of(const std::vector<std::string>& folders) const {
    return caught([&] { read_runs(folders); });
  }
};

TEST_F(ReadRuns, ReadsAllThatAFolderHolds) {
  Config config;
  config.train.epochs = 2;
  const std::string folder = write_run("a", config);
  const RunRecord run = read_runs({folder}).at(0);
  EXPECT_EQ(run.name, "a");
  EXPECT_EQ(run.config.train.epochs, 2);
  ASSERT_EQ(run.metrics.size(), 3);
  EXPECT_EQ(run.metrics[2]["fid"], 3.5);
  ASSERT_EQ(run.grids.size(), 3);
  EXPECT_EQ(run.grids[2].step, 4);
  EXPECT_EQ(run.real_samples.filename(), "real.png");
  EXPECT_TRUE(run.warnings.empty());
  EXPECT_TRUE(run.evaluation.is_null());
  EXPECT_FALSE(run.is_training);
  EXPECT_EQ(newest_epoch(folder), 2);
}

TEST_F(ReadRuns, LeavesOutHalfALineAndOthersAndSaysSo) {
  const std::string folder = write_run("a");
  append(folder + "/metrics.jsonl", "[1]\n{\"step\": \"6\", \"seconds\": 2}\n\n{\"step\":6,\"epo");
  const RunRecord run = read_runs({folder})[0];
  EXPECT_EQ(run.metrics.size(), 3);
  EXPECT_EQ(newest_epoch(folder), 2);
  EXPECT_THAT(run.problems, ElementsAre(folder + "/metrics.jsonl: 3 line(s) cut short or no "
                                                 "metrics, left out"));
}

TEST_F(ReadRuns, HalfALineThatIsBeingWrittenIsNoProblem) {
  const std::string folder = write_run("a");
  append(folder + "/metrics.jsonl", "{\"step\":6,\"epo");
  const FileLock training(folder);
  EXPECT_THAT(read_runs({folder})[0].problems, IsEmpty());
}

TEST_F(ReadRuns, SeesThatAProcessIsTraining) {
  const std::string folder = write_run("a");
  const FileLock training(folder);
  EXPECT_TRUE(read_runs({folder})[0].is_training);
}

TEST_F(ReadRuns, LookingMakesNoFile) {
  EXPECT_FALSE(is_training(folder_ / "nowhere"));
  EXPECT_FALSE(fs::exists(folder_ / "nowhere"));
}

TEST_F(ReadRuns, FindsWarningsAndTheirSteps) {
  const std::string folder = write_run("a");
  append(folder + "/train.log",
         "2026-11-30 11:57:04 info warning: not one\n"
         "2026-11-30 11:57:04 warning warning: the disk: slow\n"
         "2026-11-30 11:57:05 warning warning: step 1200: the losses swing: try\n"
         "2026-11-30 11:57:06 warning samples: many\n");
  const std::vector<RunWarning> warnings = read_runs({folder})[0].warnings;
  ASSERT_EQ(warnings.size(), 2);
  EXPECT_EQ(warnings[0].step, std::nullopt);
  EXPECT_EQ(warnings[0].text, "the disk: slow");
  EXPECT_EQ(warnings[1].step, 1200);
  EXPECT_EQ(warnings[1].text, "the losses swing: try");
}

TEST_F(ReadRuns, AResumedRunHasNoWarningsBehindItsCheckpoint) {
  const std::string folder = write_run("a");
  append(folder + "/train.log",
         "2026-11-30 11:57:04 warning warning: step 1000: kept\n"
         "2026-11-30 11:57:05 warning warning: step 1300: undone\n"
         "2026-11-30 11:59:04 info resuming from a (step 9)/checkpoints/001200.pt (step 1,200)\n"
         "2026-11-30 11:59:05 warning warning: step 1250: new\n");
  const std::vector<RunWarning> warnings = read_runs({folder})[0].warnings;
  ASSERT_EQ(warnings.size(), 2);
  EXPECT_EQ(warnings[0].text, "kept");
  EXPECT_EQ(warnings[1].text, "new");
}

TEST_F(ReadRuns, RunsOfOneNameAreCalledByTheirPaths) {
  const std::string a = write_run("x/run");
  const std::string b = write_run("y/run");
  const std::vector<RunRecord> runs = read_runs({a, write_run("other"), b});
  EXPECT_EQ(runs[0].name, a);
  EXPECT_EQ(runs[1].name, "other");
  EXPECT_EQ(runs[2].name, b);
}

TEST_F(ReadRuns, RefusesARunThatIsNamedTwice) {
  const std::string folder = write_run("a");
  EXPECT_THAT(
      error_of({folder, folder + "/"}),
      IsError(ErrorKind::usage, folder + "/", "the same run is named twice", "name it once"));
}

TEST_F(ReadRuns, NamesTheRunsInAFolderThatIsNone) {
  const std::string a = write_run("a");
  const std::string b = write_run("b");
  EXPECT_THAT(error_of({folder_.path().string()}),
              IsError(ErrorKind::failure, folder_.path(), "there is no run in this folder",
                      "did you mean " + a + " or " + b + "?"));
}

TEST_F(ReadRuns, NamesTheRunThatAFileOrFolderIsPartOf) {
  const std::string folder = write_run("a");
  EXPECT_THAT(error_of({folder + "/samples"}),
              IsError(ErrorKind::failure, folder + "/samples", "there is no run in this folder",
                      "did you mean " + folder + "?"));
  EXPECT_THAT(error_of({folder + "/config.yaml"}),
              IsError(ErrorKind::failure, folder + "/config.yaml",
                      "a file, not the folder of a run", "did you mean " + folder + "?"));
}

TEST_F(ReadRuns, RefusesAFolderThatIsNotThere) {
  EXPECT_THAT(error_of({folder_ / "nowhere"}),
              IsError(ErrorKind::failure, folder_ / "nowhere", "no such folder",
                      "name the folder of a run"));
}

TEST_F(ReadRuns, RefusesAnEvaluationThatIsNone) {
  const std::string folder = write_run("a");
  append(folder + "/evaluation.json", "{\"errors\": []}");
  EXPECT_THAT(error_of({folder}),
              IsError(ErrorKind::failure, folder + "/evaluation.json",
                      "is not what 'dcgan evaluate --json' prints",
                      HasSubstr("dcgan evaluate --ckpt " + folder + " --json > ")));
}

TEST_F(ReadRuns, ARunWithoutMetricsSaysHowToGetSome) {
  const std::string folder = write_run("a");
  fs::resize_file(folder + "/metrics.jsonl", 0);
  std::vector<RunRecord> runs = read_runs({folder});
  EXPECT_THAT(caught([&] { require_metrics(runs); }),
              IsError(ErrorKind::failure, folder + "/metrics.jsonl", HasSubstr("has no metrics"),
                      HasSubstr("lower train.log_every")));
}

TEST_F(ReadRuns, ARunWithoutMetricsIsAProblemWhereOthersHaveSome) {
  const std::string folder = write_run("a");
  fs::resize_file(folder + "/metrics.jsonl", 0);
  std::vector<RunRecord> runs = read_runs({write_run("b"), folder});
  require_metrics(runs);
  EXPECT_THAT(runs[0].problems, IsEmpty());
  EXPECT_THAT(runs[1].problems, ElementsAre(HasSubstr(folder + "/metrics.jsonl: has no metrics")));
}

}  // namespace
}  // namespace dcgan
