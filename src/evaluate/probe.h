// What a discriminator's features are worth: a linear classifier on them, as in Radford, Metz,
// Chintala (2015), section 5. A network that was never told a label has learned features of use
// where such a classifier beats those on raw pixels and on the same network's random weights.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "model/network.h"

namespace dcgan {

/// What all of D's hidden layers compute before their activations, each max-pooled to a grid of at
/// most 4 x 4, flattened, one behind another. images: uint8 [N, C, H, W] -> float32 [N, F], on the
/// network's device.
torch::Tensor discriminator_features(const Network& discriminator, const torch::Tensor& images);

/// The same network with the weights that it began with and, in BatchNorm, statistics of `images`,
/// uint8 [N, C, H, W]. `discriminator`: trained with `config`.
Network with_random_weights(const Network& discriminator, const Config& config,
                            const torch::Tensor& images, std::int64_t seed);

/// A linear classifier: scores = x weight^T + bias.
struct LinearClassifier {
  torch::Tensor weight;  ///< float32 [classes, F]
  torch::Tensor bias;    ///< float32 [classes]
};

/// An L2-SVM, one class against the rest: minimises the mean over images of the sum over classes of
/// max(0, 1 - t * score)^2, where t is 1 for the image's class and -1 for others, + l2 / 2 *
/// |weight|^2; from `start` on, by L-BFGS. features: float32 [N, F]; labels: int64 [N], below
/// `classes`.
LinearClassifier fit_linear(const torch::Tensor& features, const torch::Tensor& labels,
                            std::int64_t classes, double l2, LinearClassifier start = {});

/// The share of rows [N, F] whose largest score is that of their label, [0, 1].
double accuracy_of(const LinearClassifier& classifier, const torch::Tensor& features,
                   const torch::Tensor& labels);

struct LabelledImages {
  torch::Tensor images;  ///< uint8 [N, C, H, W], CPU
  torch::Tensor labels;  ///< int64 [N], CPU
};

struct ProbeOptions {
  std::int64_t labels = 0;  ///< of each class; 0: all
  std::int64_t seed = 1;    ///< of the choice of labelled images, and of the random weights
  /// Told what is being done, a line each.
  std::function<void(const std::string&)> on_progress = [](const std::string&) {};
};

/// One kind of features.
struct ProbeResult {
  std::string features;   ///< "D", "D, random weights", "pixels", "5 nearest neighbours, pixels"
  std::int64_t size = 0;  ///< numbers an image
  double accuracy = 0;    ///< of the test images, [0, 1]; with `labels` the mean of 5 choices
  double error = 0;       ///< its standard deviation: of the test images, and of the choices
  double l2 = 0;          ///< chosen by cross-validation; 0 where there is none
};

/// `discriminator`: trained with `config`. Throws `failure` where a class of `training` has fewer
/// images than options.labels.
std::vector<ProbeResult> probe(const Network& discriminator, const Config& config,
                               const LabelledImages& training, const LabelledImages& test,
                               const ProbeOptions& options);

}  // namespace dcgan
