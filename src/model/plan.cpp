#include "model/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>
#include <utility>

#include "base/text.h"

namespace dcgan {
namespace {

Nonlinearity hidden_nonlinearity(Activation activation) {
  constexpr std::array kInOrder{Nonlinearity::relu, Nonlinearity::leaky_relu, Nonlinearity::elu,
                                Nonlinearity::selu, Nonlinearity::gelu,       Nonlinearity::swish};
  return kInOrder.at(static_cast<std::size_t>(activation));
}

ImageShape image_shape(const Config& config) {
  return {config.data.channels, config.data.image_size[0], config.data.image_size[1]};
}

std::int64_t product(const ImageShape& shape) { return shape[0] * shape[1] * shape[2]; }

/// The kernel that halves `size`, rounding up, at stride 2 and padding 1.
std::int64_t halving_kernel(std::int64_t size) { return size % 2 == 0 ? 4 : 3; }

/// D's layers for the dense GAN, from the image to the logit.
std::vector<LayerPlan> linear_stack(const Config& config) {
  std::vector<std::int64_t> widths(config.model.dense_widths.rbegin(),
                                   config.model.dense_widths.rend());
  widths.push_back(1);
  std::vector<LayerPlan> layers;
  ImageShape shape = image_shape(config);
  for (const std::int64_t width : widths) {
    layers.push_back(linear_plan(shape, width));
    shape = layers.back().output;
  }
  return layers;
}

/// D's convolutions without BatchNorm and non-linearity, from the image to the logit.
std::vector<LayerPlan> make_stack(const Config& config, const NetworkConfig& network) {
  if (config.model.kind == ModelKind::dense) return linear_stack(config);
  constexpr std::int64_t kSmallestSide = 4;
  constexpr std::size_t kMinStages = 2;
  std::vector<LayerPlan> layers;
  ImageShape shape = image_shape(config);
  std::int64_t channels =
      network.base_channels > 0 ? network.base_channels : config.model.base_channels;
  std::size_t stages = 0;
  while (std::min(shape[1], shape[2]) > kSmallestSide || stages < kMinStages) {
    const Extent kernel{halving_kernel(shape[1]), halving_kernel(shape[2])};
    layers.push_back(convolution_plan(shape, channels, kernel, {2, 2}, {1, 1}));
    shape = layers.back().output;
    if (std::cmp_less(stages, network.extra_layers)) {
      layers.push_back(convolution_plan(shape, shape[0], {3, 3}, {1, 1}, {1, 1}));
    }
    ++stages;
    channels = std::min(channels * 2, config.model.max_channels);
  }
  layers.push_back(convolution_plan(shape, 1, {shape[1], shape[2]}, {1, 1}, {0, 0}));
  return layers;
}

/// The generator's stack: D's, walked from the logit back to the image, which starts from the
/// latent instead.
std::vector<LayerPlan> mirror(std::vector<LayerPlan> layers, std::int64_t latent_dim) {
  std::reverse(layers.begin(), layers.end());
  for (LayerPlan& layer : layers) {
    std::swap(layer.input, layer.output);
    if (layer.kind == LayerKind::convolution) layer.kind = LayerKind::transposed_convolution;
  }
  layers.front().input = {latent_dim, 1, 1};
  return layers;
}

/// Names the layers and gives each BatchNorm or a bias, and the hidden ones their non-linearity.
/// BatchNorm is of all layers from `first_normalised` on but the last.
NetworkPlan finish(std::string name, std::vector<LayerPlan> layers, const NetworkConfig& network,
                   std::size_t first_normalised) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerPlan& layer = layers[i];
    const bool is_hidden = i + 1 < layers.size();
    layer.name = fmt::format("layer{}", i + 1);
    layer.batch_norm = network.batch_norm && i >= first_normalised && is_hidden;
    layer.bias = !network.batch_norm;
    if (!is_hidden) continue;
    layer.nonlinearity = hidden_nonlinearity(network.activation);
    layer.slope = network.slope;
  }
  return {std::move(name), std::move(layers)};
}

/// Of a layer's weight.
std::int64_t weight_count(const LayerPlan& layer) {
  const auto sizes = weight_sizes(layer);
  return std::accumulate(sizes.begin(), sizes.end(), std::int64_t{1}, std::multiplies<>());
}

template <typename Count>
std::int64_t sum_over_layers(const NetworkPlan& plan, Count count) {
  std::int64_t sum = 0;
  for (const LayerPlan& layer : plan.layers) sum += count(layer);
  return sum;
}

std::string describe_shape(const ImageShape& shape) {
  return fmt::format("{} x {} x {}", shape[0], shape[1], shape[2]);
}

bool has_slope(Nonlinearity nonlinearity) {
  return nonlinearity == Nonlinearity::leaky_relu || nonlinearity == Nonlinearity::elu ||
         nonlinearity == Nonlinearity::swish;
}

}  // namespace

LayerPlan convolution_plan(const ImageShape& input, std::int64_t channels, const Extent& kernel,
                           const Extent& stride, const Extent& padding) {
  LayerPlan layer;
  layer.input = input;
  layer.output[0] = channels;
  for (std::size_t i : {0, 1}) {
    layer.output[i + 1] = (input[i + 1] + 2 * padding[i] - kernel[i]) / stride[i] + 1;
  }
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = padding;
  return layer;
}

LayerPlan linear_plan(const ImageShape& input, std::int64_t outputs) {
  LayerPlan layer;
  layer.kind = LayerKind::linear;
  layer.input = input;
  layer.output = {outputs, 1, 1};
  return layer;
}

NetworkPlan plan_generator(const Config& config) {
  NetworkPlan plan =
      finish("generator", mirror(make_stack(config, config.generator), config.model.latent_dim),
             config.generator, /*first_normalised=*/0);
  plan.layers.front().modes = config.model.latent_modes;
  plan.layers.front().classes = config.model.classes;
  plan.layers.back().nonlinearity =
      config.output == OutputRange::tanh ? Nonlinearity::tanh : Nonlinearity::sigmoid;
  return plan;
}

NetworkPlan plan_discriminator(const Config& config) {
  NetworkPlan plan = finish("discriminator", make_stack(config, config.discriminator),
                            config.discriminator, /*first_normalised=*/1);
  plan.layers.back().output[0] += config.model.classes;
  return plan;
}

std::vector<std::int64_t> weight_sizes(const LayerPlan& layer) {
  switch (layer.kind) {
    case LayerKind::convolution:
      return {layer.output[0], layer.input[0], layer.kernel[0], layer.kernel[1]};
    case LayerKind::transposed_convolution:
      return {layer.input[0], layer.output[0], layer.kernel[0], layer.kernel[1]};
    case LayerKind::linear:
      return {product(layer.output), product(layer.input)};
  }
  return {};
}

std::int64_t parameter_count(const LayerPlan& layer) {
  const std::int64_t channels =
      layer.kind == LayerKind::linear ? product(layer.output) : layer.output[0];
  return weight_count(layer) + (layer.bias ? channels : 0) + (layer.batch_norm ? 2 * channels : 0);
}

std::int64_t parameter_count(const NetworkPlan& plan) {
  return sum_over_layers(plan, [](const LayerPlan& layer) { return parameter_count(layer); });
}

std::int64_t forward_flops(const LayerPlan& layer) {
  if (layer.kind == LayerKind::linear) return 2 * weight_count(layer);
  // A convolution applies its kernel once per output pixel, a transposed one once per input pixel.
  const ImageShape& shape =
      layer.kind == LayerKind::transposed_convolution ? layer.input : layer.output;
  return 2 * weight_count(layer) * shape[1] * shape[2];
}

std::int64_t forward_flops(const NetworkPlan& plan) {
  return sum_over_layers(plan, [](const LayerPlan& layer) { return forward_flops(layer); });
}

std::string to_string(LayerKind kind) {
  constexpr std::array kWords{"transposed convolution", "convolution", "linear"};
  return kWords.at(static_cast<std::size_t>(kind));
}

std::string to_string(Nonlinearity nonlinearity) {
  constexpr std::array kWords{"none", "relu",  "leaky_relu", "elu",    "selu",
                              "gelu", "swish", "tanh",       "sigmoid"};
  return kWords.at(static_cast<std::size_t>(nonlinearity));
}

std::string describe(const LayerPlan& layer) {
  std::string text = to_string(layer.kind);
  if (layer.kind != LayerKind::linear) {
    text += fmt::format(" {}x{}", layer.kernel[0], layer.kernel[1]);
    if (layer.stride[0] != 1) text += fmt::format(" /{}", layer.stride[0]);
  }
  if (layer.bias) text += ", bias";
  if (layer.batch_norm) text += ", BatchNorm";
  if (layer.nonlinearity == Nonlinearity::none) return text;
  text += ", " + to_string(layer.nonlinearity);
  if (has_slope(layer.nonlinearity)) text += fmt::format("({})", format_real(layer.slope));
  return text;
}

std::string describe(const NetworkPlan& plan) {
  const auto mflop = [](std::int64_t flops) {
    return fmt::format("{:.2f}", static_cast<double>(flops) / 1e6);
  };
  std::vector<std::vector<std::string>> rows;
  const LayerPlan& first = plan.layers.front();
  std::string input = "input";
  if (first.modes > 0) input += fmt::format(", of which {} choose a mode", first.modes);
  if (first.classes > 0) input += fmt::format(" of {} classes", first.classes);
  rows.push_back({input, describe_shape(first.input), "", ""});
  for (const LayerPlan& layer : plan.layers) {
    rows.push_back({describe(layer), describe_shape(layer.output),
                    format_count(parameter_count(layer)), mflop(forward_flops(layer))});
  }
  rows.push_back({"total", "", format_count(parameter_count(plan)), mflop(forward_flops(plan))});
  return format_table({plan.name, "output", ">parameters", ">MFLOP"}, rows);
}

}  // namespace dcgan
