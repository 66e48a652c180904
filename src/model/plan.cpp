#include "model/plan.h"

#include <c10/util/accumulate.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace dcgan {
namespace {

std::int64_t product(const ImageShape& shape) { return shape[0] * shape[1] * shape[2]; }

/// D's layers without norm and non-linearity, from the image to the logit. `resampling`: of those
/// that halve the size.
std::vector<LayerPlan> make_stack(const Config& config, const NetworkConfig& network,
                                  Resampling resampling) {
  constexpr std::int64_t kSmallestSide = 4;
  constexpr std::int64_t kMinStages = 2;
  const ModelConfig& model = config.model;
  std::vector<LayerPlan> layers;
  ImageShape shape{config.data.channels, config.data.image_size[0], config.data.image_size[1]};
  const auto add = [&](LayerPlan layer) {
    shape = layer.output;
    layers.push_back(std::move(layer));
  };
  if (model.kind == ModelKind::dense) {
    std::for_each(model.dense_widths.rbegin(), model.dense_widths.rend(),
                  [&](std::int64_t width) { add(linear_plan(shape, width)); });
    add(linear_plan(shape, 1));
    return layers;
  }
  // At stride 2 and padding 1 these halve, rounding up.
  const auto kernel = [](std::int64_t size) { return std::int64_t{size % 2 == 0 ? 4 : 3}; };
  std::int64_t channels = network.base_channels > 0 ? network.base_channels : model.base_channels;
  for (std::int64_t stage = 0; std::min(shape[1], shape[2]) > kSmallestSide || stage < kMinStages;
       ++stage) {
    LayerPlan halving =
        convolution_plan(shape, channels, {kernel(shape[1]), kernel(shape[2])}, {2, 2}, {1, 1});
    if (resampling != Resampling::none) {
      halving.kernel = {3, 3};
      halving.stride = {1, 1};
      halving.resampling = resampling;
    }
    add(std::move(halving));
    if (stage < network.extra_layers) {
      add(convolution_plan(shape, shape[0], {3, 3}, {1, 1}, {1, 1}));
    }
    channels = std::min(channels * 2, model.max_channels);
  }
  if (model.hidden_units > 0) {
    add(convolution_plan(shape, model.hidden_units, {shape[1], shape[2]}, {1, 1}, {0, 0}));
  }
  add(convolution_plan(shape, 1, {shape[1], shape[2]}, {1, 1}, {0, 0}));
  return layers;
}

/// The generator's stack: D's, walked from the logit back to the image, which starts from the
/// latent instead.
std::vector<LayerPlan> mirror(std::vector<LayerPlan> layers, std::int64_t latent_dim) {
  std::reverse(layers.begin(), layers.end());
  for (LayerPlan& layer : layers) {
    std::swap(layer.input, layer.output);
    const bool is_enlarged = layer.resampling != Resampling::none;
    if (layer.kind == LayerKind::convolution && !is_enlarged) {
      layer.kind = LayerKind::transposed_convolution;
    }
  }
  layers.front().input = {latent_dim, 1, 1};
  return layers;
}

/// Of the layer at `index`; `beside_image`: which has BatchNorm under batch_all alone.
Norm norm_of_layer(Norm norm, std::size_t index, std::size_t beside_image, std::size_t layers) {
  if (norm == Norm::spectral) return norm;
  const bool is_logit = index + 1 == layers && index != beside_image;
  if (is_logit || (index == beside_image && norm != Norm::batch_all)) return Norm::none;
  return norm == Norm::batch_all ? Norm::batch : norm;
}

/// Names the layers and gives each its norm or a bias, and the hidden ones their non-linearity.
NetworkPlan finish(std::string name, std::vector<LayerPlan> layers, const NetworkConfig& network,
                   std::size_t beside_image) {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    LayerPlan& layer = layers[i];
    const bool is_hidden = i + 1 < layers.size();
    layer.name = fmt::format("layer{}", i + 1);
    layer.norm = norm_of_layer(network.norm, i, beside_image, layers.size());
    layer.bias = !has_scale(network.norm);
    if (!is_hidden) continue;
    // Behind `none` it has Activation's names, in their order.
    layer.nonlinearity = static_cast<Nonlinearity>(static_cast<int>(network.activation) + 1);
    layer.slope = network.slope;
  }
  return {std::move(name), std::move(layers)};
}

std::int64_t weight_count(const LayerPlan& layer) {
  return c10::multiply_integers(weight_sizes(layer));
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
  constexpr std::array kEnlarging{Resampling::none, Resampling::nearest, Resampling::bilinear};
  const Resampling resampling =
      kEnlarging.at(static_cast<std::size_t>(config.model.upsampling));  // in Upsampling's order
  std::vector<LayerPlan> layers =
      mirror(make_stack(config, config.generator, resampling), config.model.latent_dim);
  const std::size_t last = layers.size() - 1;
  NetworkPlan plan =
      finish("generator", std::move(layers), config.generator, /*beside_image=*/last);
  plan.layers.front().modes = config.model.latent_modes;
  plan.layers.front().classes = config.model.classes;
  plan.layers.back().nonlinearity =
      config.output == OutputRange::tanh ? Nonlinearity::tanh : Nonlinearity::sigmoid;
  return plan;
}

NetworkPlan plan_discriminator(const Config& config) {
  constexpr std::array kPooling{Resampling::none, Resampling::max_pool, Resampling::avg_pool};
  const Resampling resampling =
      kPooling.at(static_cast<std::size_t>(config.model.downsampling));  // in Downsampling's order
  NetworkPlan plan = finish("discriminator", make_stack(config, config.discriminator, resampling),
                            config.discriminator, /*beside_image=*/0);
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
  return weight_count(layer) + (layer.bias ? channels : 0) +
         (has_scale(layer.norm) ? 2 * channels : 0);
}

std::int64_t forward_flops(const LayerPlan& layer) {
  if (layer.kind == LayerKind::linear) return 2 * weight_count(layer);
  // A convolution applies its kernel once per output pixel, before pooling, a transposed one once
  // per input pixel.
  const bool per_input =
      layer.kind == LayerKind::transposed_convolution || is_pooling(layer.resampling);
  const ImageShape& shape = per_input ? layer.input : layer.output;
  return 2 * weight_count(layer) * shape[1] * shape[2];
}

const char* name_of(Norm norm) {
  constexpr std::array kNames{"", "BatchNorm", "", "layer norm", "instance norm", "spectral norm"};
  return kNames.at(static_cast<std::size_t>(norm));
}

const char* name_of(Resampling resampling) {
  constexpr std::array kNames{"", "max pooling", "average pooling", "nearest", "bilinear"};
  return kNames.at(static_cast<std::size_t>(resampling));
}

std::string describe(const LayerPlan& layer) {
  constexpr std::array kKinds{"transposed convolution", "convolution", "linear"};
  std::string text = kKinds.at(static_cast<std::size_t>(layer.kind));
  if (layer.kind != LayerKind::linear) {
    text += fmt::format(" {}x{}", layer.kernel[0], layer.kernel[1]);
    if (layer.stride[0] != 1) text += fmt::format(" /{}", layer.stride[0]);
  }
  if (layer.bias) text += ", bias";
  if (layer.norm != Norm::none) text += fmt::format(", {}", name_of(layer.norm));
  if (layer.nonlinearity != Nonlinearity::none) {
    const NonlinearityForms& last = forms_of(layer.nonlinearity);
    text += fmt::format(", {}", last.name);
    if (last.has_slope) text += fmt::format("({})", format_real(layer.slope));
  }
  if (layer.resampling == Resampling::none) return text;
  const std::string resampling = name_of(layer.resampling);
  return is_pooling(layer.resampling) ? fmt::format("{}, {}", text, resampling)
                                      : fmt::format("{}, {}", resampling, text);
}

std::string describe(const NetworkPlan& plan) {
  const auto mflop = [](std::int64_t flops) {
    return fmt::format("{:.2f}", static_cast<double>(flops) / 1e6);
  };
  const auto shape = [](const ImageShape& sizes) {
    return fmt::format("{}", fmt::join(sizes, " x "));
  };
  std::vector<std::vector<std::string>> rows;
  const LayerPlan& first = plan.layers.front();
  std::string input = "input";
  if (first.modes > 0) input += fmt::format(", of which {} choose a mode", first.modes);
  if (first.classes > 0) input += fmt::format(" of {} classes", first.classes);
  rows.push_back({input, shape(first.input), "", ""});
  std::int64_t parameters = 0;
  std::int64_t flops = 0;
  for (const LayerPlan& layer : plan.layers) {
    parameters += parameter_count(layer);
    flops += forward_flops(layer);
    rows.push_back({describe(layer), shape(layer.output), format_count(parameter_count(layer)),
                    mflop(forward_flops(layer))});
  }
  rows.push_back({"total", "", format_count(parameters), mflop(flops)});
  return format_table({plan.name, "output", ">parameters", ">MFLOP"}, rows);
}

}  // namespace dcgan
