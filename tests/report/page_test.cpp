#include "report/page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "report/run_fixture.h"

namespace dcgan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

using ReportPage = testing::RunFolders;

/// The document in a page.
Json data_of(const std::string& page) {
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t at = page.find(begin) + begin.size();
  return Json::parse(page.substr(at, page.find("</script>", at) - at));
}

TEST_F(ReportPage, HoldsCurvesPicturesAndWarnings) {
  const std::string folder = write_run("a");
  append(folder + "/train.log", "2026-11-30 11:57:05 warning warning: step 3: trouble\n");
  const Json run = data_of(to_page(report_data(read_runs({folder})), false))["runs"][0];
  EXPECT_EQ(run["name"], "a");
  EXPECT_EQ(run["steps"]["step"], Json({2, 4}));
  EXPECT_EQ(run["steps"]["d_loss"], Json({1.5, 0.5}));
  EXPECT_EQ(run["steps"]["r1"], Json({nullptr, nullptr}));
  EXPECT_EQ(run["evaluations"]["step"], Json({4}));
  EXPECT_EQ(run["evaluations"]["recall"], Json({0.5}));
  EXPECT_EQ(run["warnings"], Json::parse(R"([{"step": 3, "text": "trouble"}])"));
  ASSERT_EQ(run["grids"].size(), 3);
  EXPECT_EQ(run["grids"][2]["step"], 4);
  EXPECT_THAT(run["real"].get<std::string>(), StartsWith("data:image/png;base64,iVBORw0KGgo"));
}

TEST_F(ReportPage, TextOfARunBecomesNoMarkup) {
  const std::string evil = "</script><img src=x onerror=alert(1)><!--{{data}}";
  const std::string folder = write_run("</script><img src=x onerror=alert(1)><!--{{data}}");
  append(folder + "/train.log", "2026-11-30 11:57:05 warning warning: " + evil + "\n");
  append(folder + "/evaluation.json",
         Json{{"measures", {{evil, {{"value", evil}}}}}, {"findings", {{{"text", evil}}}}}.dump());
  const std::string page = to_page(report_data(read_runs({folder})), false);
  EXPECT_THAT(page, Not(HasSubstr("<img")));
  EXPECT_THAT(page, Not(HasSubstr("<!--")));
  EXPECT_EQ(data_of(page)["runs"][0]["warnings"][0]["text"], evil);
}

TEST_F(ReportPage, AsksNoServer) {
  std::string page = to_page(report_data(read_runs({write_run("a")})), false);
  const std::string name = "http://www.w3.org/2000/svg";  // a name, which nobody loads
  page.erase(page.find(name), name.size());
  EXPECT_THAT(page, Not(HasSubstr("http:")));
  EXPECT_THAT(page, Not(HasSubstr("https:")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

TEST_F(ReportPage, ComparesConfigurations) {
  Config other;
  other.train.batch_size = 32;
  const std::string a = write_run("a");
  const std::string b = write_run("b", other);
  const auto keys = [](const Json& data) {
    std::vector<std::string> rows;
    for (const Json& one : data["differences"]) {
      rows.push_back(one["key"].get<std::string>() + one["values"].dump());
    }
    return rows;
  };
  EXPECT_THAT(keys(report_data(read_runs({a, b}))), ElementsAre("train.batch_size[\"64\",\"32\"]"));
  // One run is compared with the defaults.
  EXPECT_THAT(keys(report_data(read_runs({b}))), ElementsAre("train.batch_size[\"32\",\"64\"]"));
  EXPECT_THAT(keys(report_data(read_runs({a}))), ElementsAre());
}

TEST_F(ReportPage, LongRunsAreMeansOfLines) {
  const std::string folder = write_run("a");
  std::string lines;
  for (int step = 1; step <= 2500; ++step) {
    const std::string n = std::to_string(step);
    lines += "{\"step\":" + n + ",\"seconds\":" + n + ",\"d_loss\":" + n + "}\n";
  }
  write_file_atomically(folder + "/metrics.jsonl", lines);
  const Json steps = report_data(read_runs({folder}))["runs"][0]["steps"];
  ASSERT_EQ(steps["step"].size(), 834);
  EXPECT_EQ(steps["lines_a_point"], 3);
  EXPECT_EQ(steps["step"][0], 3);
  EXPECT_EQ(steps["d_loss"][0], 2.0);
  EXPECT_EQ(steps["step"].back(), 2500);
}

TEST_F(ReportPage, ManyGridsAreThinnedEvenly) {
  const std::string folder = write_run("a");
  for (int step = 10; step <= 1000; step += 10) {
    std::filesystem::copy_file(folder + "/samples/real.png",
                               folder + "/samples/" + std::to_string(1'000'000 + step) + ".png");
  }
  const Json run = report_data(read_runs({folder}))["runs"][0];
  EXPECT_EQ(run["grid_count"], 103);
  ASSERT_EQ(run["grids"].size(), kMaxGrids);
  EXPECT_EQ(run["grids"][0]["step"], 0);
  EXPECT_EQ(run["grids"].back()["step"], 1'001'000);
}

TEST_F(ReportPage, LargeGridsAreFewer) {
  const std::string folder = write_run("a");
  for (const char* const grid : {"000000", "000002", "000004"}) {
    const std::string file = folder + "/samples/" + grid + ".png";
    std::filesystem::resize_file(file, kMaxPngBytes / 2 - 1000);
  }
  const Json grids = report_data(read_runs({folder}))["runs"][0]["grids"];
  ASSERT_EQ(grids.size(), 2);
  EXPECT_EQ(grids[0]["step"], 0);
  EXPECT_EQ(grids[1]["step"], 4);
}

TEST_F(ReportPage, SaysWhichPicturesItLeavesOut) {
  const std::string folder = write_run("a");
  const std::string samples = folder + "/samples/";
  write_file_atomically(samples + "000004.png", "<svg onload=alert(1)>");
  std::filesystem::resize_file(samples + "000002.png", 40);
  std::filesystem::resize_file(samples + "real.png", 60);
  const Json run = report_data(read_runs({folder}))["runs"][0];
  ASSERT_EQ(run["grids"].size(), 1);
  EXPECT_EQ(run["grids"][0]["step"], 0);
  EXPECT_TRUE(run["real"].is_null());
  const auto problems = run["problems"].get<std::vector<std::string>>();
  ASSERT_EQ(problems.size(), 3);
  EXPECT_THAT(problems[0], AllOf(StartsWith(samples + "real.png: "), HasSubstr("left out")));
  EXPECT_THAT(problems[1], StartsWith(samples + "000002.png: "));
  EXPECT_THAT(problems[2], StartsWith(samples + "000004.png: is no PNG"));
}

}  // namespace
}  // namespace dcgan
