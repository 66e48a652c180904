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
};

/// The lines of a metrics.jsonl, objects with a step and a time; others, such as half a line, are
/// left out. None where there is no file.
std::vector<nlohmann::ordered_json> read_metrics(const std::filesystem::path& file);

/// The runs in `folders`, in this order. Throws a usage error for a folder that is no run, and for
/// one that is named twice; `failure` for a file that can't be read.
std::vector<RunRecord> read_runs(const std::vector<std::string>& folders);

/// Throws `failure` where the run has no line of metrics.
void require_metrics(const RunRecord& run);

/// The epoch of the newest line of metrics.jsonl, read from the file's end; 0 without one.
std::int64_t newest_epoch(const std::filesystem::path& folder);

/// Whether a process is training in `folder`.
bool is_training(const std::filesystem::path& folder);

}  // namespace dcgan
