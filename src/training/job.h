// What a run needs before its first step: the machine, the images, both networks, a checkpoint.
#pragma once

#include <filesystem>
#include <string>

#include "dcgan/config.h"
#include "runtime/device.h"
#include "training/log.h"
#include "training/trainer.h"

namespace dcgan {

/// Takes the device and threads that `config.run` asks for. Replaces train.precision's `auto` by
/// what is fastest on this machine: the run keeps it.
Machine prepare_training(Config& config, Log& log);

/// A run from its first step: loads and checks everything, writes nothing.
TrainingJob new_job(const Config& config, const Machine& machine, Log& log);

/// The run in the folder `run` from its newest checkpoint, or from its first step if it was stopped
/// before there was one. Throws a usage error where `config` would make it another run, `failure`
/// where its checkpoint is damaged or its images have changed.
TrainingJob resumed_job(const std::filesystem::path& run, const Config& config,
                        const Machine& machine, Log& log);

}  // namespace dcgan
