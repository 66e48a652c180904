// A small classifier whose last hidden layer is the feature space of a data set.
//
//   images in [0, 1]         [ 1, 28, 28]
//    └ conv 3x3              [16, 28, 28] N R
//       └ conv 3x3 /2        [32, 14, 14] N R
//          └ conv 3x3        [32, 14, 14] N R
//             └ conv 3x3 /2  [64,  7,  7] N R
//                └ conv 3x3  [64,  7,  7] N R
//                   └ conv 3x3 /2  [96, 4, 4] N R     more of these until a side is 4 or less
//                      └ linear    [128] N            the features
//                         └ R, linear [classes]       the logits
//   N: BatchNorm, R: ReLU
//
// The features are the last hidden layer, as those of the Inception distance are (Heusel et al.,
// "GANs trained by a two time-scale update rule", 2017), but before its ReLU: a Fréchet distance
// takes features for normally distributed, which clipped ones are not. On MNIST all of noise, blur,
// shifts and lost variety stood further above the distance of two sets of real images before the
// ReLU than behind it. BatchNorm gives each feature about the same spread, so that none rules a
// distance.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "evaluate/features.h"
#include "model/archive.h"
#include "model/forward.h"
#include "model/network.h"

namespace dcgan {

constexpr std::int64_t kFeatureCount = 128;

/// The network above, its last layer the one of the logits; tensors on `device`, not yet
/// initialised. `folded`: without BatchNorm, see fold(). `image`: each side >= 8; `classes` >= 2.
Network make_classifier(const ImageShape& image, std::int64_t classes, bool folded,
                        torch::Device device);

/// He et al., "Delving deep into rectifiers" (2015): weights of mean square `gain` times that of
/// what `draw` gives, over the fan-in; each layer's are of a stream of their own.
void initialise_by_fan_in(
    Network& classifier, double gain,
    const std::function<torch::Tensor(std::int64_t stream, std::int64_t count)>& draw);

/// Without its last layer: images -> features.
Network body_of(Network classifier);

/// images: float32 [N, C, H, W] in [0, 1]. The result is on the classifier's device.
FeatureBatch classify(const Network& classifier, const torch::Tensor& images, Mode mode);

/// The same function as classify() in Mode::eval, with every BatchNorm's scale and shift worked
/// into the weights before it. What is left is convolutions, biases and ReLUs: no modes, and a
/// third of the time.
Network fold(const Network& classifier);

/// A classifier and how it came about.
struct ClassifierFile {
  Network classifier;       ///< folded, on the CPU, without gradients
  std::string set;          ///< Dataset::set
  std::string fingerprint;  ///< of the training set
  std::int64_t images = 0;  ///< trained on
  std::int64_t epochs = 0;
  std::int64_t seed = 0;
  bool flip = false;
  std::int64_t test_images = 0;
  std::int64_t test_correct = 0;         ///< of the test set's images, how many were told right
  std::vector<std::string> class_names;  ///< as in Dataset
};

/// Writes a folded classifier atomically. In Python: torch.jit.load("features.pt")(images), with
/// float32 [N, C, H, W] in [0, 1], gives (features [N, 128], logits [N, classes]).
void save_classifier(const std::filesystem::path& path, const ClassifierFile& file);

/// From an archive of ArchiveKind::features. Throws `failure` naming `path`.
ClassifierFile read_classifier(const Archive& archive, const std::filesystem::path& path);

struct ClassifierOptions {
  std::int64_t epochs = 12;
  std::int64_t seed = 1;
  bool flip = false;  ///< mirror images at random: for clothes, not for digits
  torch::Device device = torch::kCPU;
  /// Told of each epoch, from 1, and its mean loss.
  std::function<void(std::int64_t epoch, double loss)> epoch_done = [](std::int64_t, double) {};
  std::function<bool()> stop_requested = [] { return false; };  ///< asked at each step
};

/// The largest label and one. Throws `failure` naming the set when there are fewer than 2 classes,
/// or when an image is smaller than 8 pixels.
std::int64_t count_classes(const Dataset& dataset);

/// Trains on `dataset`: cross-entropy with smoothed labels (Szegedy et al., "Rethinking the
/// Inception architecture for computer vision", 2016, section 7), Adam with a warm-up and a cosine
/// to 0, images turned, scaled, sheared and shifted at random. Returns it folded, on the CPU;
/// nothing when it was asked to stop. A function of the options and the set on a machine with so
/// many threads. See count_classes() for errors.
std::optional<Network> train_classifier(const Dataset& dataset, const ClassifierOptions& options);

/// How many of the set's images it tells right.
std::int64_t count_correct(const Network& classifier, const Dataset& dataset, torch::Device device);

}  // namespace dcgan
