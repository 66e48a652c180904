// The generator as TorchScript: what makes g.pt open in Python with none of our code.
#pragma once

#include <string>

#include "dcgan/model/plan.h"

namespace dcgan {

/// The source of `forward(self, z)`, made from the plan. z: float [N, latent_dim] (or
/// [N, latent_dim, 1, 1]); the result: float [N, C, H, W] in [-1, 1], also where the network ends
/// in a sigmoid. BatchNorm uses its running statistics whatever mode the module is in. Tensors are
/// taken from `self` under the names of named_tensors().
std::string torchscript_forward(const NetworkPlan& generator);

}  // namespace dcgan
