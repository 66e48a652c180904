// Features for images of which no classifier is known: convolutions with random weights.
//
// A network that has learned nothing still maps alike images to alike features, and favours no set:
// Naeem et al., "Reliable Fidelity and Diversity Metrics for Generative Models" (2020), section 3.3
// and 4, take one where Inception's photographs are too far from the data. It sees colours, edges
// and their places, and no meaning: it tells blur, noise, lost variety and wrong colours, but a
// digit that can't be read is as good to it as one that can.
#pragma once

#include "evaluate/classifier.h"

namespace dcgan {

/// The body of a classifier for 3 x 64 x 64 with weights uniform in ±sqrt(6 / fan-in) (He et al.,
/// 2015), drawn by Philox from a fixed seed, no BatchNorm and biases of 0: images in [-1, 1] to
/// [N, 128] features. In [0, 1] brightness alone would make most of a distance. The weights are the
/// same bits on every machine.
Network make_random_features(torch::Device device);

}  // namespace dcgan
