// The training loop: steps, and what is written between them.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "data/batch_stream.h"
#include "data/dataset.h"
#include "dcgan/config.h"
#include "dcgan/train.h"
#include "gan/train_step.h"
#include "model/archive.h"
#include "training/log.h"
#include "training/run_directory.h"

namespace dcgan {

struct TrainingJob {
  Config config;
  Dataset dataset;
  TrainState state;  ///< at its first step, or restored from a checkpoint
};

enum class TrainingOutcome {
  finished,
  stopped,  ///< by a signal, after a checkpoint
};

/// The stream of a training's batches; page-locked where they go to a GPU.
BatchStreamOptions stream_options(const Config& config, torch::Device device);

/// How many steps `config.train.epochs` come to for a set of `images` images.
std::int64_t total_steps(const Config& config, std::int64_t images);

/// Throws where the set can't be trained on as configured: `failure` when it has no whole batch, a
/// usage error when an epoch's last batch would be a single image without variance for BatchNorm.
void check_batches(const Config& config, const Dataset& dataset);

/// How many images each of model.classes has. Throws a usage error where the set has more or
/// fewer, or none of one.
std::vector<std::int64_t> count_classes(const Config& config, const Dataset& dataset);

/// Trains from `job.state.step` to the end of the last epoch or until `on_step`, which is called
/// after each step, returns false: then it writes a checkpoint and returns. Throws `failure` when a
/// file can't be written or a loss or weight is no longer a finite number; the last good checkpoint
/// stays in either case.
TrainingOutcome train(TrainingJob& job, const RunDirectory& run, Log& log,
                      const std::function<bool(const TrainingProgress&)>& on_step);

}  // namespace dcgan
