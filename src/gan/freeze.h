// Layers that keep their weights: train.freeze (Mo, Cho, Shin, "Freeze the discriminator: a simple
// baseline for fine-tuning GANs", 2020).
#pragma once

#include <string>
#include <vector>

#include "model/network.h"

namespace dcgan {

/// Marks the layers "generator.layer1", "discriminator.layer2", ... as frozen. Throws a usage error
/// for a name that is none of theirs, and where a network would have nothing left to train.
void freeze_layers(Network& generator, Network& discriminator,
                   const std::vector<std::string>& names);

}  // namespace dcgan
