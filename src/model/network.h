// A network's tensors.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "model/plan.h"
#include "runtime/random.h"

namespace dcgan {

using NamedTensors = std::vector<std::pair<std::string, torch::Tensor>>;

/// float32 tensors of one layer; those that the plan does not have are undefined.
struct Layer {
  LayerPlan plan;
  torch::Tensor weight;        ///< see weight_sizes()
  torch::Tensor bias;          ///< [out]
  torch::Tensor norm_scale;    ///< the norm's gamma, [out]
  torch::Tensor norm_shift;    ///< the norm's beta, [out]
  torch::Tensor running_mean;  ///< [out]; a buffer, not trained
  torch::Tensor running_var;   ///< [out]; a buffer, not trained
  torch::Tensor spectral_u;    ///< [out], under spectral normalisation; a buffer; see forward()
  torch::Tensor mode_bias;     ///< [modes], where they have classes; a buffer; see mode_bias_for()
  bool frozen = false;         ///< its parameters are not trained; see freeze_layers()
};

/// Plain data: copies share their tensors, as torch::Tensor does.
struct Network {
  std::string name;
  std::vector<Layer> layers;
};

/// Tensors as the plan says, zero but for BatchNorm's running variance and spectral_u, which are 1.
Network make_network(const NetworkPlan& plan, torch::Device device);

/// Of a new network: weights from N(0, deviation^2), a norm's scale from N(1, deviation^2)
/// (Radford et al. 2015, section 4; BatchNorm as in the public reference implementation),
/// spectral_u of length 1 in any direction. With Init::pytorch as torch.nn does: weights and biases
/// uniform in +-1 / sqrt(fan_in), a norm's scale 1. Each tensor has its own stream of (seed,
/// purpose), so that a layer's weights do not depend on the other layers. `purpose`: generator_init
/// or discriminator_init.
void initialise(Network& network, std::int64_t seed, Purpose purpose, double deviation,
                Init init = Init::normal);

/// The same network with tensors of its own on `device`.
Network copy_to(const Network& network, torch::Device device);

/// The same parameters, each with a gradient of its own; buffers of its own.
Network with_own_gradients(const Network& network);

/// "layer1.weight", "layer1.bias", "layer1.norm.weight", "layer1.norm.bias", ... in layer order:
/// what may be trained. The names are those of a PyTorch state_dict.
NamedTensors named_parameters(const Network& network);

/// Those of layers that are not frozen: what an optimizer updates.
NamedTensors trained_parameters(const Network& network);

/// Parameters, then buffers: "layer1.mode_bias", "layer1.spectral_u", "layer1.norm.running_mean",
/// "layer1.norm.running_var", ..., which are kept but not trained.
NamedTensors named_tensors(const Network& network);

/// The tensors of named_parameters().
std::vector<torch::Tensor> parameters(const Network& network);

/// Updates every tensor of `average`, buffers included: a = a + weight (n - a). Both are of the
/// same plan; weight: one float32 number on their device.
void update_average(Network& average, const Network& network, const torch::Tensor& weight);

/// The plan that a network was made from.
NetworkPlan plan_of(const Network& network);

/// Whether gradients are computed for the network's parameters; never for a frozen layer's.
void set_requires_grad(Network& network, bool requires_grad);

}  // namespace dcgan
