#include "export/pytorch_example.h"

#include <fmt/format.h>

#include <string_view>

namespace dcgan {

bool has_example_form(const NetworkPlan& plan) {
  constexpr std::size_t kLayers = 5;
  const std::vector<LayerPlan>& layers = plan.layers;
  if (layers.size() != kLayers) return false;
  const bool generates = plan.name == "generator";
  const LayerPlan& last = layers.back();
  // The innermost layer has eight times the channels of the one beside the image.
  std::int64_t channels = generates ? layers[3].output[0] * 8 : layers[0].output[0];
  for (std::size_t i = 0; i + 1 < kLayers; ++i) {
    const LayerPlan& layer = layers[i];
    const bool is_activated =
        generates ? layer.nonlinearity == Nonlinearity::relu
                  : layer.nonlinearity == Nonlinearity::leaky_relu && layer.slope == 0.2;
    if (!is_activated || layer.modes > 0 || layer.output[0] != channels) return false;
    if (layer.norm != (generates || i > 0 ? Norm::batch : Norm::none)) return false;
    channels = generates ? channels / 2 : channels * 2;
  }
  for (const LayerPlan& layer : layers) {
    if (layer.kind == LayerKind::linear || layer.kernel != Extent{4, 4} || layer.bias) return false;
  }
  if (last.norm != Norm::none) return false;
  return generates ? last.nonlinearity == Nonlinearity::tanh : last.output[0] == 1;
}

std::string example_name(const NetworkPlan& plan, const std::string& name) {
  constexpr std::string_view kNorm = "norm.";
  int index = 0;  // in nn.Sequential: convolution, BatchNorm if any, activation
  for (const LayerPlan& layer : plan.layers) {
    if (name.starts_with(layer.name + ".")) {
      const std::string tensor = name.substr(layer.name.size() + 1);
      return tensor.starts_with(kNorm)
                 ? fmt::format("main.{}.{}", index + 1, tensor.substr(kNorm.size()))
                 : fmt::format("main.{}.{}", index, tensor);
    }
    index += layer.norm == Norm::batch ? 3 : 2;
  }
  return name;
}

}  // namespace dcgan
