// A run: what it needs before its first step (job.cpp), and the loop: steps, and what is written
// between them (trainer.cpp).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "data/batch_stream.h"
#include "data/dataset.h"
#include "dcgan/config.h"
#include "dcgan/train.h"
#include "gan/train_step.h"
#include "runtime/device.h"
#include "runtime/process_group.h"
#include "training/log.h"
#include "training/run_directory.h"
#include "training/scorer.h"

namespace dcgan {

struct TrainingJob {
  Config config;
  Dataset dataset;
  TrainState state;                   ///< at its first step, or restored from a checkpoint
  std::optional<Scorer> scorer = {};  ///< where the samples are evaluated
  ProcessGroup* group = nullptr;      ///< the processes that train it, if there are several
};

/// Takes the device and threads that `config.run` asks for. Replaces train.precision's `auto` by
/// what is fastest on this machine, and each kAuto by what suits the images: the run keeps them.
/// `local_rank`: of the processes that train on this machine, each of which takes a GPU of its own.
Machine prepare_training(Config& config, Log& log, std::int64_t local_rank = 0);

/// Loads and checks everything, writes nothing: a run from its first step, which may have the
/// folder `out`, or with `resume` the run in `out` from its newest checkpoint, or from its first
/// step if it was stopped before there was one. Throws a usage error where `out` is taken or where
/// `config` would make it another run, `failure` where its checkpoint is damaged, its images have
/// changed, or the processes of `group` hold different things.
TrainingJob load_job(const std::optional<std::string>& out, bool resume, const Config& config,
                     const Machine& machine, Log& log, ProcessGroup* group = nullptr);

/// The stream of a training's batches, or of this process's part of them; page-locked where they go
/// to a GPU.
BatchStreamOptions stream_options(const Config& config, torch::Device device,
                                  const ProcessGroup* group = nullptr);

/// How many steps `config.train.epochs` come to for a set of `images` images.
std::int64_t total_steps(const Config& config, std::int64_t images);

/// Throws where the set can't be trained on as configured: `failure` when it has no whole batch, a
/// usage error when an epoch's last batch would be a single image without variance for BatchNorm.
void check_batches(const Config& config, const Dataset& dataset);

/// How many images each of model.classes has. Throws a usage error where the set has more or
/// fewer, or none of one.
std::vector<std::int64_t> count_classes(const Config& config, const Dataset& dataset);

/// Trains from `job.state.step` to the end of the last epoch or until `on_step`, which is called
/// after each step, returns false in any process: then it writes a checkpoint and returns false.
/// `run`: nothing in a process that does not lead its group, which writes nothing. Throws `failure`
/// when a file can't be written or a loss or weight is no longer a finite number; the last good
/// checkpoint stays in either case.
bool train(TrainingJob& job, const RunDirectory* run, Log& log,
           const std::function<bool(const TrainingProgress&)>& on_step);

}  // namespace dcgan
