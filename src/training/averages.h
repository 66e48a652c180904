// The snapshots of train.posthoc_ema, averages/NNNNNN.pt in a run's folder, and the generators that
// are made of them (gan/power_average.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "gan/train_step.h"
#include "generate/generator_file.h"

namespace dcgan {

/// Whether a run of `total_steps` steps with train.posthoc_ema keeps a snapshot here: after the
/// last update of G, and at regular distances before it, 32 at most.
bool snapshot_due(const TrainState& state, std::int64_t total_steps);

/// Writes atomically, and makes the folder: both averages, weights in float16. `classes`: see
/// Dataset.
void save_averages(const std::filesystem::path& path, const TrainState& state, const Config& config,
                   const std::vector<std::string>& classes);

struct AveragedGenerator {
  GeneratorFile generator;
  std::size_t snapshots = 0;
  double error = 0;  ///< see PowerSum
};

/// What an average of `width` would have been after `step` of the run, by default the last
/// snapshot's. Parameters and running statistics are averaged alike. Throws `failure` where `run`
/// has no snapshots or a file is damaged, a usage error for a step without one.
AveragedGenerator average_generator(const std::filesystem::path& run, double width,
                                    std::optional<std::int64_t> step);

}  // namespace dcgan
