// `dcgan report`, and its page in a browser.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "cli/training_fixture.h"
#include "support/browser.h"

namespace dcgan {
namespace {

using testing::Browser;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using testing::RunningProgram;
using ::testing::StartsWith;
using testing::Training;

class Report : public Training {
 protected:
  std::size_t count(const std::string& text, const std::string& part) const {
    std::size_t found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  }
};

TEST_F(Report, DrawsInABrowserWithoutAServerOrAnError) {
  const std::string evil = "<img src=x onerror=alert(1)>";
  train("a");
  train(evil, {"--set", "train.r1_gamma=1", "--set", "train.evaluate_samples=10"});
  std::ofstream(folder_ / evil / "train.log", std::ios::app)
      << "2026-11-30 11:57:05 warning warning: step 64: </script>" << evil << "\n";
  const ProgramResult made = run({"report", "a", evil, "--out", "page.html"});
  EXPECT_EQ(made.exit_code, 0) << made.err;
  EXPECT_EQ(made.out, "page.html\n");

  const Browser browser;
  if (!browser) GTEST_SKIP() << "no Chromium (scripts/setup.sh installs it)";
  const ProgramResult page = browser.open(folder_ / "page.html");
  EXPECT_THAT(page.err, Not(HasSubstr("CONSOLE")));
  // Losses: D and G of two runs. In all, two runs in 6 lines, and those that one has alone.
  EXPECT_EQ(count(page.out, "class=\"curve\" d=\"M"), 6 * 2 + 4) << page.out;
  EXPECT_EQ(count(page.out, "<figure class=\"chart\">"), 6);
  EXPECT_EQ(count(page.out, "class=\"mark\""), 6);
  EXPECT_EQ(count(page.out, "<img src=\"data:image/png;base64,"), 3);  // real, and one a run
  EXPECT_EQ(count(page.out, "<img src"), 3);
  EXPECT_THAT(page.out, HasSubstr("&lt;/script&gt;&lt;img src=x onerror=alert(1)&gt;"));
  EXPECT_THAT(page.out, HasSubstr("train.r1_gamma"));
}

TEST_F(Report, WarnsOfWhatItLeavesOut) {
  train("a", {"--set", "train.epochs=1"});
  std::filesystem::copy(folder_ / "a", folder_ / "b", std::filesystem::copy_options::recursive);
  std::filesystem::copy(folder_ / "a", folder_ / "c", std::filesystem::copy_options::recursive);
  std::ofstream(folder_ / "a/metrics.jsonl", std::ios::app) << "{\"step\":";
  write_file_atomically(folder_ / "b/metrics.jsonl", "");
  std::filesystem::resize_file(folder_ / "a/samples/000064.png", 99);
  const std::string metrics =
      "warning: a/metrics.jsonl: 1 line(s) cut short or no metrics, left out\n";
  const std::string others =
      "warning: b/metrics.jsonl: has no metrics: no line of a step was "
      "written\n";
  const ProgramResult table = run({"report", "a", "b", "--csv"});
  EXPECT_EQ(table.exit_code, 0);
  EXPECT_EQ(table.err, metrics + others);
  const ProgramResult page = run({"report", "a", "b", "c"});
  EXPECT_EQ(page.exit_code, 0);
  EXPECT_THAT(page.err, StartsWith(metrics + "warning: a/samples/000064.png: "));
  EXPECT_THAT(page.err, EndsWith(" left out\n" + others));

  const Browser browser;
  if (!browser) GTEST_SKIP() << "no Chromium (scripts/setup.sh installs it)";
  const ProgramResult opened = browser.open(folder_ / "report.html");
  EXPECT_THAT(opened.err, Not(HasSubstr("CONSOLE")));
  EXPECT_THAT(opened.out, HasSubstr("a and c have the same losses"));
  EXPECT_THAT(opened.out, HasSubstr("<p class=\"note\">b/metrics.jsonl: has no metrics"));
}

TEST_F(Report, FitsAPhone) {
  const std::string name(40, 'w');
  train(name, {"--set", "train.epochs=1"});
  run({"report", name});
  std::ofstream(folder_ / "report.html", std::ios::app)
      << "<script>const {scrollWidth, clientWidth} = document.documentElement;"
         "parent.postMessage(scrollWidth - clientWidth, '*')</script>";
  write_file_atomically(folder_ / "phone.html",
                        "<iframe src=report.html style='width: 390px; height: 800px; border: 0'>"
                        "</iframe><p id=hidden></p><script>onmessage = ({data}) => {"
                        "document.getElementById('hidden').textContent = data; }</script>");
  const Browser browser;
  if (!browser) GTEST_SKIP() << "no Chromium (scripts/setup.sh installs it)";
  EXPECT_THAT(browser.open(folder_ / "phone.html").out, HasSubstr("<p id=\"hidden\">0</p>"));
}

TEST_F(Report, WritesCsv) {
  train("a", {"--set", "train.epochs=1"});
  const ProgramResult printed = run({"report", "--csv", "a"});
  EXPECT_EQ(printed.exit_code, 0);
  EXPECT_EQ(count(printed.out, "\na,"), metrics("a").size());
  EXPECT_EQ(run({"report", "a", "--csv", "a.csv"}).out, "");
  EXPECT_EQ(bytes("a.csv"), printed.out);
  EXPECT_FALSE(exists("report.html"));
}

TEST_F(Report, WatchWritesAgainUntilTheRunEnds) {
  RunningProgram training(
      {"train", "--config", "tiny.yaml", "--out", "a", "--set", "train.epochs=400"},
      {.folder = folder_.path()});
  wait_for_step(training, "a", 4);
  RunningProgram report({"report", "a", "--watch", "--out", "page.html"},
                        {.folder = folder_.path()});
  std::string first;
  std::string last;
  while (report.is_running() && training.is_running() && (first.empty() || last == first)) {
    if (exists("page.html")) last = bytes("page.html");
    if (first.empty()) first = last;
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  EXPECT_NE(first, last) << report.err();
  EXPECT_THAT(last, HasSubstr("\"watching\":true"));
  training.send(SIGINT);
  training.wait();
  const ProgramResult result = report.wait();
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(bytes("page.html"), HasSubstr("\"watching\":false"));
}

TEST_F(Report, WatchEndsWithCtrlC) {
  RunningProgram training(
      {"train", "--config", "tiny.yaml", "--out", "a", "--set", "train.epochs=400"},
      {.folder = folder_.path()});
  wait_for_step(training, "a", 4);
  RunningProgram report({"report", "a", "--watch"}, {.folder = folder_.path()});
  while (report.is_running() && !exists("report.html")) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  report.send(SIGINT);
  EXPECT_EQ(report.wait().exit_code, 130);
  EXPECT_THAT(bytes("report.html"), HasSubstr("\"watching\":false"));
  EXPECT_TRUE(training.is_running());
}

}  // namespace
}  // namespace dcgan
