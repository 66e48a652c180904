// The measures of a generator while it is trained, by train.evaluate_every.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "dcgan/config.h"
#include "evaluate/evaluate.h"
#include "evaluate/features.h"
#include "model/network.h"
#include "runtime/process_group.h"
#include "training/log.h"

namespace dcgan {

/// Draws the same latents each time, so that a training's evaluations differ by the weights alone;
/// they are the first ones of `dcgan sample` and `dcgan evaluate` under the run's seed. The
/// reference is a part of the split that is not trained on. Changes nothing in the training.
struct Scorer {
  Features features;
  Described reference;
  std::int64_t samples = 0;
  torch::Tensor latents;  ///< float32 [samples, latent_dim], on the device
  OutputRange range = OutputRange::tanh;

  /// Nothing where train.evaluate_every is 0 or, as `log` then says, where the set has no other
  /// split or too few images. Throws `failure` for a train.features file that can't be used.
  static std::optional<Scorer> make(const Config& config, const Dataset& training,
                                    torch::Device device, Log& log);

  /// generator: on the device that make() was told. All processes of `group` call it and share the
  /// work out; the result is that of one process, for the one that leads alone.
  QuickScores score(const Network& generator, ProcessGroup* group = nullptr) const;

  /// Of each class in the reference; empty without classes.
  std::vector<double> real_shares() const {
    return reference.classes ? shares_of(*reference.classes) : std::vector<double>();
  }
  /// "2,000 samples against 4,000 real images in the features of mnist classifier (crc32 ...)".
  std::string describe() const;
};

/// How many samples an evaluation draws: what `train.evaluate_samples` says or, where that is 0,
/// one for 20 training images seen between two evaluations, at most 2,000, which keeps its cost
/// under 5 % of the training; 0 where that is under 500, too few for a measure to mean anything.
std::int64_t evaluation_samples(const Config& config, std::int64_t training_images);

}  // namespace dcgan
