// Training from a C++ program: what `dcgan train` does, with a call after each step.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>

#include "dcgan/config.h"

namespace dcgan {

/// Where a run is after a step. On a GPU the losses and scores are those of the newest step that
/// was read, at most train.log_every steps old.
struct TrainingProgress {
  std::int64_t step = 0;  ///< steps done
  std::int64_t total_steps = 0;
  std::int64_t epoch = 0;  ///< from 1
  double discriminator_loss = 0;
  double generator_loss = 0;
  double real_score = 0;  ///< mean D(x), of probabilities or, under other losses, outputs
  double fake_score = 0;  ///< mean D(G(z)) before D's update
};

struct TrainOptions {
  /// The run's folder, laid out as docs/file-formats.md says: a new or empty one, or with `resume`
  /// that of the run to go on with.
  std::filesystem::path out;
  bool resume = false;
  /// Called after each step; false stops the run, after a checkpoint.
  std::function<bool(const TrainingProgress&)> on_step = [](const TrainingProgress&) {
    return true;
  };
};

struct TrainResult {
  std::filesystem::path generator;  ///< the g.pt
  std::int64_t step = 0;
  bool finished = true;  ///< false where on_step() stopped it
};

/// Trains as `config` says, which load_config() reads. Warnings go to stderr, all else to the run's
/// train.log. Throws a usage error for a configuration or a folder that does not fit, `failure` for
/// a file that can't be read or written or a loss that is no longer finite; the last checkpoint
/// stays. It trains in this process alone, also under torchrun or mpirun.
TrainResult train(const Config& config, const TrainOptions& options);

}  // namespace dcgan
