#include "load_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "dcgan/base/text.h"

namespace dcgan::cli {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// "preparing images: 1,200 of 5,000, 830/s, 5 s left".
std::string describe(std::int64_t done, std::int64_t total, double seconds) {
  const double rate = static_cast<double>(done) / std::max(seconds, 1e-3);
  return fmt::format("preparing images: {} of {}, {:.0f}/s, {} left", format_count(done),
                     format_count(total), rate,
                     format_duration(static_cast<double>(total - done) / rate));
}

}  // namespace

Dataset load_dataset_aloud(const DataConfig& data, Log& log) {
  constexpr double kQuietSeconds = 1.0;
  constexpr double kSecondsALine = 10.0;
  const Clock::time_point start = Clock::now();
  double next_line = kSecondsALine;
  const auto progress = [&](std::int64_t done, std::int64_t total) {
    const double seconds = seconds_since(start);
    if (seconds < kQuietSeconds || done == 0) return;
    if (log.has_bar()) {
      log.show_bar(done < total ? describe(done, total, seconds) : "");
    } else if (done < total && seconds >= next_line) {
      log.info(describe(done, total, seconds));
      next_line += kSecondsALine;
    }
  };
  Dataset dataset;
  try {
    dataset = load_dataset(data, progress);
  } catch (...) {
    log.show_bar("");
    throw;
  }
  if (!dataset.warning.empty()) log.warn(dataset.warning);
  if (!dataset.note.empty()) log.info(dataset.note);
  return dataset;
}

}  // namespace dcgan::cli
