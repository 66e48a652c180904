// What a run says of its progress: lines of metrics.jsonl, lines of the log, the bar.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "evaluate/evaluate.h"
#include "gan/train_step.h"
#include "training/log.h"

namespace dcgan {

struct MetricsRecord {
  std::int64_t step = 0;         ///< steps done
  std::int64_t epoch = 0;        ///< the epoch that the step belongs to, from 1
  std::int64_t images = 0;       ///< real images seen so far
  double seconds = 0;            ///< of training, over all parts of a resumed run
  double images_per_second = 0;  ///< since the line before
  StepNumbers numbers;
};

/// A line of the file, without its end; docs/file-formats.md has its keys.
std::string to_json(const MetricsRecord& record);

struct EvaluationRecord {
  std::int64_t step = 0;   ///< steps done
  std::int64_t epoch = 0;  ///< the epoch that the step belongs to, from 1
  double seconds = 0;      ///< of training, over all parts of a resumed run
  std::int64_t samples = 0;
  std::string features;  ///< CRC-32 of the network whose features were compared
  QuickScores scores;
};

std::string to_json(const EvaluationRecord& record);

/// The open file of a run. A line is on disk (in the kernel's hands) when append() returns.
class MetricsFile {
 public:
  /// Keeps the lines up to `last_step` of what is there, drops the rest (a killed run may have
  /// written past its checkpoint, or half a line), and appends from there.
  MetricsFile(const std::filesystem::path& path, std::int64_t last_step);

  /// Throws `failure` naming the file when the disk is full.
  void append(const auto& record) { write(to_json(record)); }

  /// The `seconds` of the last line kept; 0 without one.
  double seconds_before() const { return seconds_before_; }
  /// The smallest `fid` of the lines kept that can be compared: of so many samples, these features.
  std::optional<double> best_fid_before(std::int64_t samples, const std::string& features) const;

 private:
  void write(const std::string& line);

  std::filesystem::path path_;
  std::ofstream lines_;
  double seconds_before_ = 0;
  std::map<std::pair<std::int64_t, std::string>, double> best_fids_;  ///< by samples and features
};

/// How far a run is.
struct Position {
  std::int64_t step = 0;  ///< steps done
  std::int64_t total_steps = 0;
  std::int64_t epoch = 0;  ///< that the last step belongs to, from 1
  std::int64_t epochs = 0;
  std::int64_t images = 0;  ///< real images seen so far
  bool at_epoch_end = false;
};

/// "epoch 3/12  step 2200/11244  D 0.712  G 1.893  D(x) 0.71  D(G(z)) 0.24 > 0.18  812 images/s".
std::string format_progress(const Position& at, const StepNumbers& numbers,
                            double images_per_second);

/// "[######----------]  42 %  3 min 10 s left  epoch 3/12 ...": what is done of a run, the time it
/// still takes, and as much of its `progress` as fits into `width` columns and one to spare. The
/// brackets are the first to go.
std::string format_bar(const Position& at, const std::string& left, const std::string& progress,
                       int width);

class Reporter {
 public:
  /// Appends to `metrics` behind what `start`, where the run begins or resumes, leaves of it.
  Reporter(const std::filesystem::path& metrics, const Position& start, Log& log);

  /// Of training, over all parts of a resumed run.
  double seconds() const;

  /// A line of metrics.jsonl; the rate in it is the one since the line before. Throws `failure`
  /// naming the file when it can't be written.
  void write_metrics(const Position& at, const StepNumbers& numbers);
  MetricsFile& metrics() { return metrics_; }

  /// After each step: the bar on a terminal; elsewhere a line now and then, and one at each epoch's
  /// end; for -v and train.log one whenever metrics are written.
  void show(const Position& at, const StepNumbers& numbers, bool metrics_written);

 private:
  using Clock = std::chrono::steady_clock;

  double images_per_second(const Position& at) const;

  Log& log_;
  MetricsFile metrics_;
  const Clock::time_point start_ = Clock::now();
  const std::int64_t first_step_;
  Clock::time_point window_start_ = start_;  ///< of images_per_second()
  std::int64_t window_images_;
  double recent_rate_ = 0;
  Clock::time_point last_line_;
  Clock::time_point last_bar_;
};

}  // namespace dcgan
