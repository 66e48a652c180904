// The names in PyTorch's DCGAN example, examples/dcgan/main.py: one nn.Sequential, `main`, of
// convolutions without bias, BatchNorm and activations, for images of 64 x 64.
#pragma once

#include <string>

#include "export/exported_network.h"

namespace dcgan {

/// Whether its state_dict fits the example's Generator or Discriminator, for some nz, ngf and nc.
bool has_example_form(const NetworkPlan& plan);

/// The example's name for a tensor of a network of convolutions with BatchNorm, of any depth:
/// "main.1.running_mean" of "layer1.norm.running_mean".
std::string example_name(const NetworkPlan& plan, const std::string& name);

}  // namespace dcgan
