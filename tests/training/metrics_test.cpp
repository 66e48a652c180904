#include <gtest/gtest.h>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "training/reporter.h"

namespace dcgan {
namespace {

using testing::TempFolder;

MetricsRecord record_at(std::int64_t step) {
  MetricsRecord record;
  record.step = step;
  record.epoch = 1;
  record.images = step * 64;
  record.seconds = static_cast<double>(step) * 0.1234;
  record.images_per_second = 801.26;
  record.numbers = {1.25, 0.75, 0.5, 0.25, 0.125};
  return record;
}

TEST(Metrics, LineHasEveryNumber) {
  EXPECT_EQ(to_json(record_at(50)),
            R"({"step":50,"epoch":1,"images":3200,"seconds":6.17,"d_loss":1.25,"g_loss":0.75,)"
            R"("d_real":0.5,"d_fake":0.25,"d_fake_after":0.125,"images_per_second":801.3})");
}

TEST(Metrics, LineHasThePenaltyWhereThereIsOne) {
  MetricsRecord record = record_at(50);
  record.numbers.r1 = 0.0625;
  EXPECT_NE(to_json(record).find(R"("d_fake_after":0.125,"r1":0.0625,"images_per_second")"),
            std::string::npos)
      << to_json(record);
}

TEST(Metrics, LineHasTheGradientPenaltyWhereThereIsOne) {
  MetricsRecord record = record_at(50);
  record.numbers.gradient_penalty = 0.5;
  EXPECT_NE(
      to_json(record).find(R"("d_fake_after":0.125,"gradient_penalty":0.5,"images_per_second")"),
      std::string::npos)
      << to_json(record);
}

EvaluationRecord evaluation_at(std::int64_t step, double fid) {
  EvaluationRecord record{step, 1, 2.5, 500, "49dc3f81", {}};
  record.scores.fid = fid;
  record.scores.precision = 0.75;
  record.scores.recall = 0.5;
  return record;
}

TEST(Metrics, EvaluationHasItsOwnLine) {
  EvaluationRecord record = evaluation_at(100, 3.5);
  EXPECT_EQ(to_json(record),
            R"({"step":100,"epoch":1,"seconds":2.5,"samples":500,"features":"49dc3f81","fid":3.5,)"
            R"("precision":0.75,"recall":0.5})");
  record.scores.modes = 2;
  record.scores.shares = {0.25, 0.75};
  EXPECT_NE(to_json(record).find(R"("recall":0.5,"modes":2,"shares":[0.25,0.75]})"),
            std::string::npos);
}

TEST(Metrics, KnowsTheBestFidOfTheLinesKept) {
  const TempFolder folder;
  {
    MetricsFile metrics(folder / "metrics.jsonl", 0);
    EXPECT_FALSE(metrics.best_fid_before(500, "49dc3f81").has_value());
    metrics.append(evaluation_at(10, 4.0));
    metrics.append(evaluation_at(20, 3.0));
    metrics.append(evaluation_at(30, 3.5));
    metrics.append(evaluation_at(40, 1.0));
  }
  const MetricsFile metrics(folder / "metrics.jsonl", 30);
  EXPECT_EQ(metrics.best_fid_before(500, "49dc3f81"), 3.0);
  EXPECT_EQ(metrics.best_fid_before(501, "49dc3f81"), std::nullopt)
      << "of another number of samples";
  EXPECT_EQ(metrics.best_fid_before(500, "00000000"), std::nullopt) << "in other features";
}

TEST(Metrics, LinesAreAppended) {
  const TempFolder folder;
  MetricsFile metrics(folder / "metrics.jsonl", 0);
  metrics.append(record_at(1));
  metrics.append(record_at(2));
  EXPECT_EQ(read_file(folder / "metrics.jsonl"),
            to_json(record_at(1)) + "\n" + to_json(record_at(2)) + "\n");
}

TEST(Metrics, ResumeDropsWhatCameAfterTheCheckpoint) {
  const TempFolder folder;
  const auto path = folder / "metrics.jsonl";
  write_file_atomically(path, to_json(record_at(1)) + "\n" + to_json(record_at(2)) + "\n" +
                                  to_json(record_at(3)) + "\n{\"step\":4,\"ep");
  const MetricsFile metrics(path, 2);
  EXPECT_EQ(read_file(path), to_json(record_at(1)) + "\n" + to_json(record_at(2)) + "\n");
  EXPECT_DOUBLE_EQ(metrics.seconds_before(), 0.247);
}

TEST(Metrics, NewRunStartsAnEmptyFile) {
  const TempFolder folder;
  const MetricsFile metrics(folder / "metrics.jsonl", 0);
  EXPECT_EQ(read_file(folder / "metrics.jsonl"), "");
  EXPECT_EQ(metrics.seconds_before(), 0.0);
}

}  // namespace
}  // namespace dcgan
