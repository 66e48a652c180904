#include "model/network.h"

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
    if (layer_plan.batch_norm) {
      layer.norm_scale = torch::zeros({channels}, options);
      layer.norm_shift = torch::zeros({channels}, options);
      layer.running_mean = torch::zeros({channels}, options);
      layer.running_var = torch::ones({channels}, options);
    }
    if (layer_plan.classes > 0) layer.mode_bias = torch::zeros({layer_plan.modes}, options);
    network.layers.push_back(std::move(layer));
  }
  set_requires_grad(network, true);
  return network;
}

Network copy_to(const Network& network, torch::Device device) {
  Network copy = network;
  for (Layer& layer : copy.layers) {
    for (torch::Tensor* tensor : {&layer.weight, &layer.bias, &layer.norm_scale, &layer.norm_shift,
                                  &layer.running_mean, &layer.running_var, &layer.mode_bias}) {
      if (!tensor->defined()) continue;
      const bool trained = tensor->requires_grad();
      *tensor = tensor->detach().to(device, tensor->scalar_type(), /*non_blocking=*/false,
                                    /*copy=*/true);
      tensor->set_requires_grad(trained);
    }
  }
  return copy;
}

NamedTensors named_parameters(const Network& network) {
  NamedTensors named;
  for (const Layer& layer : network.layers) {
    named.emplace_back(layer.plan.name + ".weight", layer.weight);
    if (layer.plan.bias) named.emplace_back(layer.plan.name + ".bias", layer.bias);
    if (!layer.plan.batch_norm) continue;
    named.emplace_back(layer.plan.name + ".norm.weight", layer.norm_scale);
    named.emplace_back(layer.plan.name + ".norm.bias", layer.norm_shift);
  }
  return named;
}

NamedTensors named_buffers(const Network& network) {
  NamedTensors named;
  for (const Layer& layer : network.layers) {
    if (layer.plan.classes > 0) named.emplace_back(layer.plan.name + ".mode_bias", layer.mode_bias);
    if (!layer.plan.batch_norm) continue;
    named.emplace_back(layer.plan.name + ".norm.running_mean", layer.running_mean);
    named.emplace_back(layer.plan.name + ".norm.running_var", layer.running_var);
  }
  return named;
}

NamedTensors named_tensors(const Network& network) {
  NamedTensors named = named_parameters(network);
  for (auto& buffer : named_buffers(network)) named.push_back(std::move(buffer));
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
  for (const torch::Tensor& tensor : parameters(network)) tensor.set_requires_grad(requires_grad);
}

}  // namespace dcgan
