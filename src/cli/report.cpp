#include "cli/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <iostream>
#include <thread>
#include <vector>

#include "base/file.h"
#include "base/stop.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "report/csv.h"
#include "report/page.h"

namespace dcgan::cli {
namespace {

using Clock = std::chrono::steady_clock;

bool any_training(const std::vector<std::string>& folders) {
  return std::any_of(folders.begin(), folders.end(), is_training);
}

std::vector<std::int64_t> newest_epochs(const std::vector<std::string>& folders) {
  std::vector<std::int64_t> epochs;
  epochs.reserve(folders.size());
  for (const std::string& folder : folders) epochs.push_back(newest_epoch(folder));
  return epochs;
}

std::vector<RunRecord> read_runs_with_metrics(const std::vector<std::string>& folders) {
  std::vector<RunRecord> runs = read_runs(folders);
  require_metrics(runs);
  return runs;
}

void warn(const std::string& problem) {
  std::cerr << "warning: " << without_controls(problem) << '\n';
}

/// What it lacks is told once, on the last page.
void write_page(const std::vector<RunRecord>& runs, const std::string& file, bool watching) {
  const nlohmann::ordered_json data = report_data(runs);
  write_file_atomically(file, to_page(data, watching), watching ? Flush::no : Flush::yes);
  if (watching) return;
  for (const auto& run : data["runs"]) {
    for (const auto& problem : run["problems"]) warn(problem);
  }
}

/// Waits until a run has a new epoch or the last has ended. Epochs may take hours: then a minute is
/// enough.
void wait_for_news(const std::vector<std::string>& folders, const StopSignal& stop) {
  constexpr auto kLongest = std::chrono::minutes(1);
  constexpr auto kPause = std::chrono::milliseconds(500);
  const auto before = newest_epochs(folders);
  const auto start = Clock::now();
  while (!stop.requested() && any_training(folders) && newest_epochs(folders) == before &&
         Clock::now() - start < kLongest) {
    std::this_thread::sleep_for(kPause);
  }
}

/// A run that has just begun has no metrics yet: the page waits for them.
int keep_writing(const std::vector<std::string>& folders, const std::string& file) {
  const StopSignal stop;
  if (!any_training(folders)) {
    write_page(read_runs_with_metrics(folders), file, /*watching=*/false);
    std::cout << fmt::format("{}: no run is training; nothing to watch\n", file);
    return 0;
  }
  std::cout << fmt::format("{}: written at each epoch until the runs end; Ctrl-C ends it\n", file)
            << std::flush;
  bool watching = true;
  while (watching) {
    watching = any_training(folders) && !stop.requested();
    // What is read after the last run has ended is all of it.
    write_page(read_runs(folders), file, watching);
    if (watching) wait_for_news(folders, stop);
  }
  return stop.requested() ? kExitStopped : 0;
}

}  // namespace

int MakeReport::run_in_front() const {
  const std::string page = out.value_or("report.html");
  if (watch) {
    read_runs(runs);  // a wrong name is told before the wait
    return keep_writing(runs, page);
  }
  const std::vector<RunRecord> read = read_runs_with_metrics(runs);
  if (csv && !csv->empty()) write_file_atomically(*csv, to_csv(read));
  if (csv && csv->empty()) std::cout << to_csv(read);
  if (!csv || out) {
    write_page(read, page, /*watching=*/false);
    (csv && csv->empty() ? std::cerr : std::cout) << page << '\n';
    return 0;
  }
  for (const RunRecord& run : read) {
    for (const std::string& problem : run.problems) warn(problem);
  }
  return 0;
}

}  // namespace dcgan::cli
