// A training checkpoint: one file from which a run goes on as if it had never stopped.
//
// It holds both networks, both optimizers, the step and the configuration. Random streams need no
// state of their own: each is a function of (seed, purpose, step), see runtime/random.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "gan/train_step.h"
#include "model/archive.h"

namespace dcgan {

/// Writes atomically. `dataset_fingerprint`, `classes`: see Dataset.
void save_checkpoint(const std::filesystem::path& path, const TrainState& state,
                     const Config& config, const std::string& dataset_fingerprint,
                     const std::vector<std::string>& classes = {});

/// Puts the checkpoint's networks, optimizers and step into `state`, which was made from the same
/// configuration, on whatever device `state` lives. Throws `failure` naming `path` when a tensor
/// is missing, of another size, or one too many.
void restore(TrainState& state, const Archive& archive, const std::filesystem::path& path);

}  // namespace dcgan
