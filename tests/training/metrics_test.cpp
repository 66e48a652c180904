#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "training/reporter.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::TempFolder;

std::string line_at(std::int64_t step, std::optional<double> r1 = {},
                    std::optional<double> gradient_penalty = {}) {
  return to_json({.step = step, .epoch = 1, .images = step * 64},
                 {1.25, 0.75, 0.5, 0.25, 0.125, r1, gradient_penalty},
                 static_cast<double>(step) * 0.1234, 801.26);
}

TEST(Metrics, LineHasEveryNumber) {
  EXPECT_EQ(line_at(50),
            R"({"step":50,"epoch":1,"images":3200,"seconds":6.17,"d_loss":1.25,"g_loss":0.75,)"
            R"("d_real":0.5,"d_fake":0.25,"d_fake_after":0.125,"images_per_second":801.3})");
}

TEST(Metrics, LineHasThePenaltyWhereThereIsOne) {
  EXPECT_THAT(line_at(50, 0.0625),
              HasSubstr(R"("d_fake_after":0.125,"r1":0.0625,"images_per_second")"));
}

TEST(Metrics, LineHasTheGradientPenaltyWhereThereIsOne) {
  EXPECT_THAT(line_at(50, {}, 0.5),
              HasSubstr(R"("d_fake_after":0.125,"gradient_penalty":0.5,"images_per_second")"));
}

TEST(Metrics, EvaluationHasItsOwnLine) {
  const Position at{.step = 100, .epoch = 1};
  QuickScores scores{3.5, 0.75, 0.5};
  EXPECT_EQ(to_json(at, scores, 2.5, 500, "49dc3f81"),
            R"({"step":100,"epoch":1,"seconds":2.5,"samples":500,"features":"49dc3f81","fid":3.5,)"
            R"("precision":0.75,"recall":0.5})");
  scores.modes = 2;
  scores.shares = {0.25, 0.75};
  EXPECT_THAT(to_json(at, scores, 2.5, 500, "49dc3f81"),
              HasSubstr(R"("recall":0.5,"modes":2,"shares":[0.25,0.75]})"));
}

class MetricsFile : public ::testing::Test {
 protected:
  /// Of a run that begins or goes on behind `step`.
  Reporter open(std::int64_t step) { return {path_, {.step = step}, log_}; }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "metrics.jsonl";
  Log log_{Verbosity::quiet};
};

TEST_F(MetricsFile, KnowsTheBestFidOfTheLinesKept) {
  {
    Reporter reporter = open(0);
    EXPECT_FALSE(reporter.best_fid_before(500, "49dc3f81").has_value());
    for (const auto& [step, fid] : {std::pair(10, 4.0), {20, 3.0}, {30, 3.5}, {40, 1.0}}) {
      reporter.write_evaluation({.step = step}, {fid, 0.75, 0.5}, 500, "49dc3f81");
    }
  }
  const Reporter reporter = open(30);
  EXPECT_EQ(reporter.best_fid_before(500, "49dc3f81"), 3.0);
  EXPECT_EQ(reporter.best_fid_before(501, "49dc3f81"), std::nullopt)
      << "of another number of samples";
  EXPECT_EQ(reporter.best_fid_before(500, "00000000"), std::nullopt) << "in other features";
}

TEST_F(MetricsFile, KeepsTheLinesUpToTheCheckpoint) {
  write_file_atomically(path_,
                        line_at(1) + "\n" + line_at(2) + "\n" + line_at(3) + "\n{\"step\":4,\"ep");
  Reporter reporter = open(2);
  EXPECT_EQ(read_file(path_), line_at(1) + "\n" + line_at(2) + "\n");
  EXPECT_GE(reporter.seconds(), 0.247);
  reporter.write_metrics({.step = 3}, {});
  EXPECT_THAT(read_file(path_), HasSubstr(line_at(2) + "\n{\"step\":3,"));
}

TEST_F(MetricsFile, OfANewRunIsEmpty) {
  write_file_atomically(path_, line_at(1) + "\n");
  open(0);
  EXPECT_EQ(read_file(path_), "");
}

}  // namespace
}  // namespace dcgan
