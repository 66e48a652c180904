#include "model/network.h"

#include <fmt/format.h>

#include <cmath>

#include "kernels/multi_tensor.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// On a CPU the channels of a convolution's weight are last in memory, as its kernels work.
torch::Tensor make_weight(const LayerPlan& plan, const torch::TensorOptions& options) {
  const torch::Tensor weight = torch::zeros(weight_sizes(plan), options);
  if (plan.kind == LayerKind::linear || !weight.is_cpu()) return weight;
  return weight.to(torch::MemoryFormat::ChannelsLast);
}

/// A tensor of a layer, under its name in a PyTorch state_dict.
struct Slot {
  const char* name;
  torch::Tensor Layer::*tensor;
  bool is_parameter;
};

constexpr Slot kSlots[] = {{"weight", &Layer::weight, true},
                           {"bias", &Layer::bias, true},
                           {"norm.weight", &Layer::norm_scale, true},
                           {"norm.bias", &Layer::norm_shift, true},
                           {"mode_bias", &Layer::mode_bias, false},
                           {"spectral_u", &Layer::spectral_u, false},
                           {"norm.running_mean", &Layer::running_mean, false},
                           {"norm.running_var", &Layer::running_var, false}};

/// "layer1.weight", ...: the tensors that `is_wanted` of (layer, slot), in layer order.
template <typename Predicate>
NamedTensors select(const Network& network, const Predicate& is_wanted) {
  NamedTensors named;
  for (const Layer& layer : network.layers) {
    for (const Slot& slot : kSlots) {
      const torch::Tensor& tensor = layer.*slot.tensor;
      if (!tensor.defined() || !is_wanted(layer, slot)) continue;
      named.emplace_back(fmt::format("{}.{}", layer.plan.name, slot.name), tensor);
    }
  }
  return named;
}

/// torch.nn's kaiming_uniform_(a=sqrt(5)), whose fan_in is of the weight's second dimension also in
/// a transposed convolution, where that counts the outputs.
void initialise_as_pytorch(Layer& layer, std::int64_t seed, Purpose purpose, std::int64_t stream) {
  const std::int64_t fan_in = layer.weight.numel() / layer.weight.size(0);
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  const auto draw = [&](const torch::Tensor& tensor, std::int64_t own_stream) {
    const auto row = uniform_rows(seed, purpose, own_stream, 1, tensor.numel());
    tensor.copy_(row.view(tensor.sizes()).mul_(bound));
  };
  draw(layer.weight, stream);
  if (layer.bias.defined()) draw(layer.bias, stream + 1);
  if (layer.norm_scale.defined()) layer.norm_scale.fill_(1);
}

/// The same network with `change` of each tensor in its place.
template <typename Change>
Network with_each_tensor(Network network, const Change& change) {
  for (Layer& layer : network.layers) {
    for (const Slot& slot : kSlots) {
      torch::Tensor& tensor = layer.*slot.tensor;
      if (tensor.defined()) tensor = change(tensor);
    }
  }
  return network;
}

}  // namespace

Network make_network(const NetworkPlan& plan, torch::Device device) {
  const auto options = torch::TensorOptions().dtype(torch::kFloat32).device(device);
  Network network{plan.name, {}};
  for (const LayerPlan& layer_plan : plan.layers) {
    Layer layer;
    layer.plan = layer_plan;
    layer.weight = make_weight(layer_plan, options);
    const std::int64_t channels =
        layer_plan.kind == LayerKind::linear ? layer.weight.size(0) : layer_plan.output[0];
    if (layer_plan.bias) layer.bias = torch::zeros({channels}, options);
    if (has_scale(layer_plan.norm)) {
      layer.norm_scale = torch::zeros({channels}, options);
      layer.norm_shift = torch::zeros({channels}, options);
    }
    if (layer_plan.norm == Norm::spectral) layer.spectral_u = torch::ones({channels}, options);
    if (layer_plan.norm == Norm::batch) {
      layer.running_mean = torch::zeros({channels}, options);
      layer.running_var = torch::ones({channels}, options);
    }
    if (layer_plan.classes > 0) layer.mode_bias = torch::zeros({layer_plan.modes}, options);
    network.layers.push_back(std::move(layer));
  }
  set_requires_grad(network, true);
  return network;
}

void initialise(Network& network, std::int64_t seed, Purpose purpose, double deviation, Init init) {
  const torch::NoGradGuard no_grad;
  const auto normal = [&](const torch::Tensor& like, std::int64_t stream) {
    return normal_rows(seed, purpose, stream, 1, like.numel()).view(like.sizes());
  };
  const auto draw = [&](const torch::Tensor& tensor, std::int64_t stream, double mean) {
    tensor.copy_(normal(tensor, stream).mul(deviation).add_(mean));
  };
  std::int64_t stream = 0;
  for (Layer& layer : network.layers) {
    if (init == Init::pytorch) {
      initialise_as_pytorch(layer, seed, purpose, stream);
    } else {
      draw(layer.weight, stream, 0.0);
      if (layer.norm_scale.defined()) draw(layer.norm_scale, stream + 1, 1.0);
    }
    if (layer.spectral_u.defined()) {
      const torch::Tensor direction = normal(layer.spectral_u, stream + 1);
      layer.spectral_u.copy_(direction / direction.norm());
    }
    stream += 2;  // also without a norm, so that the next layer keeps its own
  }
}

Network copy_to(const Network& network, torch::Device device) {
  return with_each_tensor(network, [&](const torch::Tensor& tensor) {
    return tensor.detach()
        .to(device, tensor.scalar_type(), /*non_blocking=*/false, /*copy=*/true)
        .set_requires_grad(tensor.requires_grad());
  });
}

Network with_own_gradients(const Network& network) {
  return with_each_tensor(network, [](const torch::Tensor& tensor) {
    return tensor.requires_grad() ? tensor.detach().requires_grad_() : tensor.clone();
  });
}

NamedTensors named_parameters(const Network& network) {
  return select(network, [](const Layer&, const Slot& slot) { return slot.is_parameter; });
}

NamedTensors trained_parameters(const Network& network) {
  return select(network, [](const Layer& layer, const Slot& slot) {
    return slot.is_parameter && !layer.frozen;
  });
}

NamedTensors named_tensors(const Network& network) {
  NamedTensors named = named_parameters(network);
  const auto is_buffer = [](const Layer&, const Slot& slot) { return !slot.is_parameter; };
  for (auto& buffer : select(network, is_buffer)) named.push_back(std::move(buffer));
  return named;
}

std::vector<torch::Tensor> parameters(const Network& network) {
  std::vector<torch::Tensor> tensors;
  for (auto& [name, tensor] : named_parameters(network)) tensors.push_back(tensor);
  return tensors;
}

void update_average(Network& average, const Network& network, const torch::Tensor& weight) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> averages;
  std::vector<torch::Tensor> tensors;
  for (auto& [name, tensor] : named_tensors(average)) averages.push_back(tensor);
  for (auto& [name, tensor] : named_tensors(network)) tensors.push_back(tensor.detach());
  if (averages.front().is_cpu()) return update_averages(averages, tensors, weight.item<float>());
  std::vector<torch::Tensor> distances = torch::_foreach_sub(tensors, averages);
  for (torch::Tensor& distance : distances) distance.mul_(weight);
  torch::_foreach_add_(averages, distances);
}

NetworkPlan plan_of(const Network& network) {
  NetworkPlan plan{network.name, {}};
  for (const Layer& layer : network.layers) plan.layers.push_back(layer.plan);
  return plan;
}

void set_requires_grad(Network& network, bool requires_grad) {
  for (const Layer& layer : network.layers) {
    for (const Slot& slot : kSlots) {
      const torch::Tensor& tensor = layer.*slot.tensor;
      if (!tensor.defined() || !slot.is_parameter) continue;
      tensor.set_requires_grad(requires_grad && !layer.frozen);
    }
  }
}

}  // namespace dcgan
