// What a run directory tells of its run, read without LibTorch. Files: docs/file-formats.md.
//
// It may be read while the run is training: half a line at the end of metrics.jsonl is left out.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

struct RunWarning {
  std::optional<std::int64_t> step;  ///< none: before the first
  std::string text;
};

struct SampleGrid {
  std::int64_t step = 0;
  std::filesystem::path file;
};

struct RunRecord {
  std::string name;  ///< the folder's; its path where another run has the same
  std::filesystem::path folder;
  Config config;
  std::vector<nlohmann::ordered_json> metrics;  ///< objects, the lines of metrics.jsonl
  std::vector<RunWarning> warnings;
  std::vector<SampleGrid> grids;       ///< by step
  std::filesystem::path real_samples;  ///< empty where there are none
  nlohmann::ordered_json evaluation;   ///< evaluation.json, of `dcgan evaluate --json`; else null
  bool is_training = false;            ///< a process is at it now
  std::vector<std::string> problems;   ///< what is left out, and why: "metrics.jsonl: ..."
};

struct Metrics {
  std::vector<nlohmann::ordered_json> lines;  ///< objects with a step and a time
  std::int64_t left_out = 0;                  ///< whole lines that are none
  bool ends_in_half = false;                  ///< the last line: being written, or cut short
};

/// A metrics.jsonl; of none where there is no file.
Metrics read_metrics(const std::filesystem::path& file);

/// The runs in `folders`, in this order. Throws `failure` for a folder that is no run and for a
/// file that can't be read, a usage error for a run that is named twice.
std::vector<RunRecord> read_runs(const std::vector<std::string>& folders);

/// Throws `failure` where no run has a line of metrics; where others have some it is a problem of
/// the run.
void require_metrics(std::vector<RunRecord>& runs);

/// The epoch of the newest line of metrics.jsonl, read from the file's end; 0 without one.
std::int64_t newest_epoch(const std::filesystem::path& folder);

/// Whether a process is training in `folder`.
bool is_training(const std::filesystem::path& folder);

}  // namespace dcgan
