// The weights before the first step.
#pragma once

#include <cstdint>

#include "model/network.h"
#include "runtime/random.h"

namespace dcgan {

/// Weights from N(0, deviation^2), BatchNorm's scale from N(1, deviation^2), shifts and biases 0,
/// running mean 0, running variance 1 (Radford et al. 2015, section 4; BatchNorm as in the public
/// reference implementation). Each tensor has its own stream of (seed, purpose), so that a layer's
/// weights do not depend on the other layers. `purpose`: generator_init or discriminator_init.
void initialise(Network& network, std::int64_t seed, Purpose purpose, double deviation);

}  // namespace dcgan
