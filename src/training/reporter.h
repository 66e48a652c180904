// What a run says of its progress: lines of metrics.jsonl, lines of the log, the bar.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "gan/train_step.h"
#include "training/log.h"
#include "training/metrics.h"

namespace dcgan {

/// How far a run is.
struct Position {
  std::int64_t step = 0;  ///< steps done
  std::int64_t total_steps = 0;
  std::int64_t epoch = 0;  ///< that the last step belongs to, from 1
  std::int64_t epochs = 0;
  std::int64_t images = 0;  ///< real images seen so far
  bool at_epoch_end = false;
};

class Reporter {
 public:
  /// Appends to `metrics` behind what `start`, where the run begins or resumes, leaves of it.
  /// `has_fresh_numbers`: each step's numbers are read, as on a CPU, not only those of log lines.
  Reporter(const std::filesystem::path& metrics, const Position& start, bool has_fresh_numbers,
           Log& log);

  /// Of training, over all parts of a resumed run.
  double seconds() const;

  /// A line of metrics.jsonl; the rate in it is the one since the line before. Throws `failure`
  /// naming the file when it can't be written.
  void write_metrics(const Position& at, const StepNumbers& numbers);
  void write_evaluation(const EvaluationRecord& record) { metrics_.append(record); }

  /// See MetricsFile.
  std::optional<double> best_fid_before(std::int64_t samples, const std::string& features) const {
    return metrics_.best_fid_before(samples, features);
  }

  /// After each step: the bar on a terminal; elsewhere a line now and then, and one at each epoch's
  /// end; for -v and train.log one whenever metrics are written.
  void show(const Position& at, const StepNumbers& numbers, bool metrics_written);

 private:
  using Clock = std::chrono::steady_clock;

  double images_per_second(const Position& at) const;
  bool line_is_due(const Position& at, bool metrics_written) const;

  Log& log_;
  MetricsFile metrics_;
  const bool has_fresh_numbers_;
  const Clock::time_point start_ = Clock::now();
  const std::int64_t first_step_;
  Clock::time_point window_start_ = start_;  ///< of images_per_second()
  std::int64_t window_images_;
  double recent_rate_ = 0;
  Clock::time_point last_line_;
  Clock::time_point last_bar_;
};

}  // namespace dcgan
