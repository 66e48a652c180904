// Networks as TorchScript: what makes our files open in Python with none of our code.
#pragma once

#include <string>

#include "model/plan.h"

namespace dcgan {

/// A number that reads back as the same float64, and as a real one: "1" would be an integer.
std::string float_literal(double value);

/// The source of `forward(self, z)`, made from the plan. z: float [N, latent_dim] (or
/// [N, latent_dim, 1, 1]); the result: float [N, C, H, W] in [-1, 1], also where the network ends
/// in a sigmoid. BatchNorm uses its running statistics whatever mode the module is in. Tensors are
/// taken from `self` under the names of named_tensors().
std::string torchscript_forward(const NetworkPlan& generator);

/// The statements that take a variable `x` through the layers, each indented by four blanks and
/// ended by a newline: what torchscript_forward() is made of. A linear layer behind an image
/// flattens it.
std::string torchscript_layers(const NetworkPlan& plan);

}  // namespace dcgan
