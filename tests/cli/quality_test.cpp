// What training is for: samples near the real images, by the measures of `dcgan evaluate`.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "dcgan/base/file.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

using Json = nlohmann::json;
using testing::ProgramResult;
using testing::run_program;
using testing::TempFolder;

/// The last evaluation of a run.
Json last_evaluation(const std::filesystem::path& run) {
  Json last;
  std::istringstream lines(read_file(run / "metrics.jsonl"));
  for (std::string line; std::getline(lines, line);) {
    Json json = Json::parse(line);
    if (json.contains("fid")) last = std::move(json);
  }
  return last;
}

// Two seeds had a fid of 0.9 and 1.2 here; with Adam's beta1 at 0.9 it is 14, and the textbook
// (mnist-paper.yaml) has 40 after its first epoch. What is smaller only bench/quality.py shows.
TEST(Quality, OneEpochOfTheQuickConfigurationMakesDigits) {
  const TempFolder out;
  const ProgramResult result =
      run_program({"train", "-q", "--config", "quick.yaml", "--set", "train.epochs=1", "--set",
                   "train.precision=fp32", "--seed", "2", "--out", (out / "run").string()},
                  {.folder = DCGAN_SOURCE_DIR "/configs", .limit = std::chrono::seconds(550)});
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const Json scores = last_evaluation(out / "run");
  ASSERT_TRUE(scores.is_object());
  EXPECT_LT(scores["fid"].get<double>(), 2.0);
  EXPECT_GT(scores["precision"].get<double>(), 0.6);
  EXPECT_GT(scores["recall"].get<double>(), 0.6);
  EXPECT_EQ(scores["modes"], 10);
}

}  // namespace
}  // namespace dcgan
