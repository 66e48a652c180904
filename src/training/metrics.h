// metrics.jsonl: a line of JSON every `train.log_every` steps, and one an evaluation.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "evaluate/evaluate.h"
#include "gan/train_step.h"

namespace dcgan {

struct MetricsRecord {
  std::int64_t step = 0;         ///< steps done
  std::int64_t epoch = 0;        ///< the epoch that the step belongs to, from 1
  std::int64_t images = 0;       ///< real images seen so far
  double seconds = 0;            ///< of training, over all parts of a resumed run
  double images_per_second = 0;  ///< since the line before
  StepNumbers numbers;
};

/// {"step":50,"epoch":1,"images":3200,"seconds":3.1,"d_loss":..,"g_loss":..,"d_real":..,
///  "d_fake":..,"d_fake_after":..,"images_per_second":..}: d_real is the mean D(x), d_fake the mean
/// D(G(z)) before D's update, d_fake_after the one after it. Under train.r1_gamma "r1" is the
/// newest mean squared gradient of D at real images, without gamma / 2. No newline.
std::string to_json(const MetricsRecord& record);

struct EvaluationRecord {
  std::int64_t step = 0;   ///< steps done
  std::int64_t epoch = 0;  ///< the epoch that the step belongs to, from 1
  double seconds = 0;      ///< of training, over all parts of a resumed run
  std::int64_t samples = 0;
  std::string features;  ///< CRC-32 of the network whose features were compared
  QuickScores scores;
};

/// {"step":938,"epoch":1,"seconds":60.2,"samples":2000,"features":"49dc3f81","fid":..,
///  "precision":..,"recall":..,"modes":10,"shares":[..]}: the last two where the features tell
///  classes apart. No newline.
std::string to_json(const EvaluationRecord& record);

/// The open file of a run. A line is on disk (in the kernel's hands) when append() returns.
class MetricsFile {
 public:
  /// Keeps the lines up to `last_step` of what is there, drops the rest (a killed run may have
  /// written past its checkpoint, or half a line), and appends from there.
  MetricsFile(const std::filesystem::path& path, std::int64_t last_step);

  /// Throws `failure` naming the file when the disk is full.
  void append(const MetricsRecord& record);
  void append(const EvaluationRecord& record);

  /// The `seconds` of the last line kept; 0 without one.
  double seconds_before() const { return seconds_before_; }
  /// The smallest `fid` of the lines kept that are of so many samples in these features: no other
  /// can be compared with it.
  std::optional<double> best_fid_before(std::int64_t samples, const std::string& features) const;

 private:
  double seconds_before_ = 0;
  std::vector<EvaluationRecord> evaluations_before_;  ///< their samples, features and fid
  std::optional<LineFile> lines_;
};

}  // namespace dcgan
