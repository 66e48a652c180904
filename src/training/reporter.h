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
#include "tensorboard/event_file.h"
#include "training/log.h"

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

/// A line of metrics.jsonl, without its end; docs/file-formats.md has its keys. seconds: of
/// training, over all parts of a resumed run; images_per_second: since the line before.
std::string to_json(const Position& at, const StepNumbers& numbers, double seconds,
                    double images_per_second);

/// Likewise the line of an evaluation of `samples` samples; `features`: CRC-32 of the network whose
/// features were compared.
std::string to_json(const Position& at, const QuickScores& scores, double seconds,
                    std::int64_t samples, const std::string& features);

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
  /// `metrics`: the run's metrics.jsonl. Keeps the lines up to `start`, where the run begins or
  /// resumes, drops the rest (a killed run may have written past its checkpoint, or half a line),
  /// and appends from there. `events`: gets the same numbers, where it is not null.
  Reporter(std::filesystem::path metrics, const Position& start, Log& log,
           EventFile* events = nullptr);

  /// Of training, over all parts of a resumed run.
  double seconds() const;
  /// The smallest `fid` of the lines kept that can be compared: of so many samples, these features.
  std::optional<double> best_fid_before(std::int64_t samples, const std::string& features) const;

  /// A line of metrics.jsonl; the rate in it is the one since the line before. The line is on disk
  /// (in the kernel's hands) on return. Throws `failure` naming the file when it can't be written.
  void write_metrics(const Position& at, const StepNumbers& numbers);
  void write_evaluation(const Position& at, const QuickScores& scores, std::int64_t samples,
                        const std::string& features);

  /// After each step: the bar on a terminal; elsewhere a line now and then, and one at each epoch's
  /// end; for -v and train.log one whenever metrics are written.
  void show(const Position& at, const StepNumbers& numbers, bool metrics_written);

 private:
  using Clock = std::chrono::steady_clock;

  void append(const std::string& line, const std::string& group);
  double images_per_second(const Position& at) const;

  const std::filesystem::path metrics_;
  std::ofstream lines_;
  double seconds_before_ = 0;
  std::map<std::pair<std::int64_t, std::string>, double> best_fids_;  ///< by samples and features
  Log& log_;
  EventFile* const events_;
  const Clock::time_point start_ = Clock::now();
  const std::int64_t first_step_;
  Clock::time_point window_start_ = start_;  ///< of images_per_second()
  std::int64_t window_images_;
  double recent_rate_ = 0;
  Clock::time_point last_line_;
  Clock::time_point last_bar_;
};

}  // namespace dcgan
