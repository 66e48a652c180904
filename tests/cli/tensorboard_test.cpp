// Event files of a run, read by the tensorboard package of scripts/test_packages.sh.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "cli/training_fixture.h"
#include "support/test_packages.h"

namespace dcgan {
namespace {

using nlohmann::json;
using testing::ProgramResult;
using testing::Training;

/// Prints what TensorBoard knows of run/ as JSON: {"scalars": {tag: [[step, value], ...]},
/// "images": {tag: [[step, width, height, is the file's bytes], ...]}, "texts": {tag: [text,
/// ...]}}.
constexpr const char* kRead = R"(
import json, pathlib
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
events = EventAccumulator("run", size_guidance={"scalars": 0, "images": 0, "tensors": 0}).Reload()
tags = events.Tags()
def image(tag, one):
    name = "real" if tag == "samples/real" else "%06d" % one.step
    png = pathlib.Path("run/samples", name + ".png").read_bytes()
    return [one.step, one.width, one.height, one.encoded_image_string == png]
print(json.dumps({
    "scalars": {t: [[s.step, s.value] for s in events.Scalars(t)] for t in tags["scalars"]},
    "images": {t: [image(t, i) for i in events.Images(t)] for t in tags["images"]},
    "texts": {t: [str(e.tensor_proto.string_val[0], "utf-8") for e in events.Tensors(t)]
              for t in tags["tensors"]
              if events.SummaryMetadata(t).plugin_data.plugin_name == "text"}}))
)";

class TensorBoard : public Training {
 protected:
  void SetUp() override { SKIP_WITHOUT_PACKAGES("tensorboard"); }
  json read() const {
    const ProgramResult result = testing::run_program(
        {"-c", kRead}, {.folder = folder_.path(), .program = DCGAN_TEST_PYTHON});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return json::parse(result.out);
  }
  /// What metrics.jsonl says, as read() would give it.
  std::map<std::string, std::vector<std::pair<std::int64_t, float>>> expected_scalars() const {
    std::map<std::string, std::vector<std::pair<std::int64_t, float>>> scalars;
    for (const json& line : metrics("run")) {
      const std::string group = line.contains("fid") ? "evaluation/" : "training/";
      for (const auto& [key, value] : line.items()) {
        if (key == "step" || !value.is_number()) continue;
        scalars[group + key].emplace_back(line["step"], value.get<float>());
      }
    }
    return scalars;
  }
  void expect_all_metrics(const json& scalars) const {
    for (const auto& [tag, values] : expected_scalars()) {
      ASSERT_TRUE(scalars.contains(tag)) << tag;
      const std::vector<std::pair<std::int64_t, float>> found = scalars[tag];
      EXPECT_EQ(found, values) << tag;
    }
  }
};

const std::vector<std::string> kOn{"--set", "train.tensorboard=true"};

TEST_F(TensorBoard, ReadsMetricsSamplesAndConfiguration) {
  train("run", kOn);
  const json known = read();
  expect_all_metrics(known["scalars"]);
  EXPECT_EQ(known["scalars"]["training/d_loss"].size(), 32U);
  EXPECT_EQ(known["images"]["samples/real"], json::parse("[[0, 62, 62, true]]"));
  EXPECT_EQ(known["images"]["samples/generated"],
            json::parse("[[0, 62, 62, true], [64, 62, 62, true], [128, 62, 62, true]]"));
  EXPECT_EQ(known["texts"]["configuration"],
            json::array({"```yaml\n" + bytes("run/config.yaml") + "```\n"}));
}

TEST_F(TensorBoard, ReadsTheMeasuresOfEachEvaluation) {
  std::vector<std::string> settings = kOn;
  settings.insert(settings.end(),
                  {"--set", "train.evaluate_samples=32", "--set", "train.epochs=1"});
  train("run", settings);
  const json scalars = read()["scalars"];
  expect_all_metrics(scalars);
  for (const std::string tag : {"fid", "precision", "recall", "modes", "shares/0", "shares/9"}) {
    EXPECT_EQ(scalars["evaluation/" + tag].size(), 1U) << tag;
  }
}

TEST_F(TensorBoard, SeesNoStepTwiceAfterAResume) {
  train("run", kOn);
  std::filesystem::remove(folder_ / "run/checkpoints/000128.pt");
  std::filesystem::remove(folder_ / "run/g.pt");
  const ProgramResult resumed = resume("run");
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  const json known = read();
  expect_all_metrics(known["scalars"]);
  EXPECT_EQ(known["images"]["samples/generated"].size(), 3U);
}

TEST_F(Training, WritesNoEventFileUnasked) {
  train("run", {"--set", "train.epochs=1"});
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "run")) {
    EXPECT_EQ(entry.path().string().find("tfevents"), std::string::npos);
  }
}

}  // namespace
}  // namespace dcgan
