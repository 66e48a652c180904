// Training a classifier for its features: see classifier.h.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <optional>

#include "data/dataset.h"
#include "evaluate/classifier.h"

namespace dcgan {

struct ClassifierOptions {
  std::int64_t epochs = 12;
  std::int64_t seed = 1;
  bool flip = false;  ///< mirror images at random: for clothes, not for digits
  torch::Device device = torch::kCPU;
};

struct ClassifierEpoch {
  std::int64_t epoch = 0;  ///< from 1
  double loss = 0;         ///< mean over the epoch
  double seconds = 0;      ///< since the beginning
};

struct ClassifierCallbacks {
  std::function<void(const ClassifierEpoch&)> epoch_done;
  std::function<bool()> stop_requested;  ///< asked at each step
};

/// The number of classes: the largest label and one. Throws `failure` naming the set when there are
/// fewer than 2, or when an image is smaller than 8 pixels.
std::int64_t count_classes(const Dataset& dataset);

/// Trains on `dataset`: cross-entropy with smoothed labels (Szegedy et al., "Rethinking the
/// Inception architecture for computer vision", 2016, section 7), Adam with a warm-up and a cosine
/// to 0, images turned, scaled, sheared and shifted at random. Returns it folded, on the CPU;
/// nothing when it was asked to stop. A function of the options and the set on a machine with so
/// many threads. See count_classes() for errors.
std::optional<Classifier> train_classifier(const Dataset& dataset, const ClassifierOptions& options,
                                           const ClassifierCallbacks& callbacks);

/// How many of the set's images it tells right.
std::int64_t count_correct(const Classifier& classifier, const Dataset& dataset,
                           torch::Device device);

}  // namespace dcgan
