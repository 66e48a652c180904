#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <limits>

#include "base/text.h"
#include "dcgan/error.h"
#include "export/metadata.h"
#include "export/onnx_model.h"
#include "export/writers.h"
#include "model/forward.h"
#include "model/script.h"

namespace dcgan {
namespace {

/// Of the whole file: what a protobuf message may have. The rest is for all but the weights.
constexpr std::int64_t kMaxOnnxWeights = (std::int64_t{2} << 30) - (std::int64_t{16} << 20);

void check_size(const NetworkPlan& plan) {
  std::int64_t bytes = 0;
  for (const LayerPlan& layer : plan.layers) {
    bytes += parameter_count(layer) * static_cast<std::int64_t>(sizeof(float));
  }
  if (bytes <= kMaxOnnxWeights) return;
  throw failure(fmt::format("the {}'s weights are {}, and an .onnx file holds at most 2 GiB",
                            plan.name, format_bytes(bytes)))
      .remedy("export a .safetensors file");
}

/// The input in the shape that the first layer works in.
std::string input_text(const std::string& input, const LayerPlan& first) {
  const auto [channels, height, width] = first.input;
  return fmt::format("x = Reshape({}, [0, {}])\n", input,
                     first.kind == LayerKind::linear
                         ? std::to_string(channels * height * width)
                         : fmt::format("{}, {}, {}", channels, height, width));
}

/// choose_classes() and choose_mode(): z -> x [N, latent_dim]. class_scores: see class_scores().
std::string modes_text(const LayerPlan& first) {
  const std::int64_t modes = first.modes;
  const std::int64_t latents = first.input[0];
  std::string text = fmt::format("scores = Slice(z, [0], [{}], [1])\n", modes);
  if (first.classes > 0) {
    text +=
        "row = Add(class, 1); added = Gather(class_scores, row)\n"
        "scores = Add(scores, added)\n";
  }
  text += "mode = ArgMax <axis = 1, keepdims = 0> (scores)\n";
  text += fmt::format("x = OneHot(mode, {}, [0.0, {}])\n", modes,
                      float_literal(std::sqrt(static_cast<double>(modes))));
  if (modes < latents) {
    text += fmt::format(
        "others = Slice(z, [{}], [{}], [1])\n"
        "x = Concat <axis = 1> (x, others)\n",
        modes, latents);
  }
  return text;
}

/// What is added to a mode's latent, [1 + classes, modes]: its bias, or minus infinity where
/// another class than the mode's is wanted. The first row is for any class, the others for one
/// each.
NamedArray class_scores(const FoldedLayer& first) {
  const std::int64_t classes = first.plan.classes;
  const std::int64_t modes = first.plan.modes;
  NamedArray scores{"class_scores", {1 + classes, modes}, {}};
  for (std::int64_t wanted = -1; wanted < classes; ++wanted) {
    for (std::int64_t mode = 0; mode < modes; ++mode) {
      const bool may_win = wanted == -1 || mode % classes == wanted;
      scores.numbers.push_back(may_win ? first.mode_bias[static_cast<std::size_t>(mode)]
                                       : -std::numeric_limits<float>::infinity());
    }
  }
  return scores;
}

/// As resample() in model/forward.cpp.
std::string resampling_text(const LayerPlan& layer) {
  const auto& [channels, height, width] = layer.output;
  constexpr const char* kPool = "kernel_shape = [2, 2], strides = [2, 2], ceil_mode = 1";
  switch (layer.resampling) {
    case Resampling::none:
      break;
    case Resampling::max_pool:
      return fmt::format("x = MaxPool <{}> (x)\n", kPool);
    case Resampling::avg_pool:
      return fmt::format("x = AveragePool <{}> (x)\n", kPool);
    case Resampling::nearest:
    case Resampling::bilinear:
      return fmt::format(
          "count = Shape <end = 1> (x); sizes = Concat <axis = 0> (count, [{}, {}, {}])\n"
          "x = Resize <{}> (x, _, _, sizes)\n",
          layer.input[0], height, width,
          layer.resampling == Resampling::bilinear
              ? "mode = linear, coordinate_transformation_mode = half_pixel"
              : "mode = nearest, coordinate_transformation_mode = asymmetric, nearest_mode = "
                "floor");
  }
  return "";
}

/// Layer and instance normalisation; what fold_norms() leaves.
std::string norm_text(const LayerPlan& layer) {
  if (layer.norm == Norm::none) return "";
  const std::string epsilon = float_literal(kNormEps);
  if (layer.norm == Norm::instance) {
    return fmt::format(
        "x = InstanceNormalization <epsilon = {0}> (x, {1}.norm.weight, {1}.norm.bias)\n", epsilon,
        layer.name);
  }
  const ImageShape& size = is_pooling(layer.resampling) ? layer.input : layer.output;
  const std::string sizes = layer.kind == LayerKind::linear
                                ? std::to_string(layer.output[0])
                                : fmt::format("{}, {}, {}", layer.output[0], size[1], size[2]);
  return fmt::format(
      "x = Reshape(x, [0, 1, -1])\n"
      "x = InstanceNormalization <epsilon = {0}> (x, [1.0], [0.0])\n"
      "x = Reshape(x, [0, {2}]); x = Mul(x, {1}.norm.weight); x = Add(x, {1}.norm.bias)\n",
      epsilon, layer.name, sizes);
}

std::string layer_text(const LayerPlan& layer) {
  std::string operation = "Gemm <transB = 1>";
  if (layer.kind != LayerKind::linear) {
    operation = fmt::format("{} <strides = [{}, {}], pads = [{}, {}, {}, {}]>",
                            layer.kind == LayerKind::convolution ? "Conv" : "ConvTranspose",
                            layer.stride[0], layer.stride[1], layer.padding[0], layer.padding[1],
                            layer.padding[0], layer.padding[1]);
  }
  const bool pools = is_pooling(layer.resampling);
  std::string text = pools ? std::string() : resampling_text(layer);
  text += fmt::format("x = {0} (x, {1}.weight, {1}.bias)\n", operation, layer.name);
  text += norm_text(layer);
  if (layer.nonlinearity != Nonlinearity::none) {
    text +=
        fmt::format(fmt::runtime(forms_of(layer.nonlinearity).onnx), float_literal(layer.slope)) +
        "\n";
  }
  return pools ? text + resampling_text(layer) : text;
}

/// x -> images, as to_bytes() where they are bytes.
std::string images_text(const ImageShape& shape, bool uint8) {
  const std::string sizes = fmt::format("[0, {}]", fmt::join(shape, ", "));
  if (!uint8) return fmt::format("images = Reshape(x, {})\n", sizes);
  return fmt::format(
      "x = Reshape(x, {})\n"
      "x = Transpose <perm = [0, 2, 3, 1]> (x)\n"
      "x = Add(x, 1.0); x = Mul(x, 127.5); x = Round(x); x = Clip(x, 0.0, 255.0)\n"
      "images = Cast <to = {}> (x)\n",
      sizes, static_cast<int>(OnnxType::uint8));
}

/// x -> logits; with classes see logits_of_class().
std::string logits_text(std::int64_t classes) {
  if (classes == 0) return "logits = Reshape(x, [-1])\n";
  return fmt::format(
      "x = Reshape(x, [0, {0}])\n"
      "shared = Slice(x, [0], [1], [1])\n"
      "each = Slice(x, [1], [{0}], [1])\n"
      "column = Unsqueeze(class, [1])\n"
      "own = GatherElements <axis = 1> (each, column)\n"
      "x = Add(shared, own)\n"
      "logits = Squeeze(x, [1])\n",
      1 + classes);
}

void describe_generator(OnnxModel& model, const std::vector<FoldedLayer>& layers, bool uint8) {
  const LayerPlan& first = layers.front().plan;
  const auto [channels, height, width] = layers.back().plan.output;
  model.inputs.push_back({"z", OnnxType::float32, {first.input[0]}, "standard normal latents"});
  if (first.classes > 0) {
    model.inputs.push_back(
        {"class", OnnxType::int64, {}, fmt::format("0 to {}; -1: any", first.classes - 1)});
    model.arrays.push_back(class_scores(layers.front()));
  }
  model.text = first.modes > 0 ? modes_text(first) : "";
  model.text += input_text(first.modes > 0 ? "x" : "z", first);
  for (const FoldedLayer& layer : layers) model.text += layer_text(layer.plan);
  model.text += images_text(layers.back().plan.output, uint8);
  if (uint8) {
    model.outputs = {{"images", OnnxType::uint8, {height, width, channels}, "0 to 255"}};
  } else {
    model.outputs = {{"images", OnnxType::float32, {channels, height, width}, "-1 to 1"}};
  }
}

void describe_discriminator(OnnxModel& model, const std::vector<FoldedLayer>& layers) {
  const auto [channels, height, width] = layers.front().plan.input;
  const std::int64_t classes = layers.back().plan.output[0] - 1;
  model.inputs.push_back({"images", OnnxType::float32, {channels, height, width}, "-1 to 1"});
  if (classes > 0) {
    model.inputs.push_back(
        {"class", OnnxType::int64, {}, fmt::format("of the images, 0 to {}", classes - 1)});
  }
  model.text = input_text("images", layers.front().plan);
  for (const FoldedLayer& layer : layers) model.text += layer_text(layer.plan);
  model.text += logits_text(classes);
  model.outputs = {{"logits", OnnxType::float32, {}, "the larger, the more like a real image"}};
}

/// With a name for each class, numbers included.
Metadata metadata_of(const ExportedNetwork& network) {
  Metadata metadata = file_metadata(network);
  if (network.config.model.classes > 0) metadata["classes"] = json_list(all_class_names(network));
  return metadata;
}

}  // namespace

std::string to_onnx(const ExportedNetwork& network) {
  check_size(network.plan);
  std::vector<FoldedLayer> layers = fold_norms(network);
  OnnxModel model;
  model.name = network.plan.name;
  model.metadata = metadata_of(network);
  if (network.options.discriminator) {
    describe_discriminator(model, layers);
  } else {
    describe_generator(model, layers, network.options.uint8);
  }
  for (FoldedLayer& layer : layers) {
    const auto outputs = static_cast<std::int64_t>(layer.bias.size());
    model.arrays.push_back(
        {layer.plan.name + ".weight", weight_sizes(layer.plan), std::move(layer.weight)});
    model.arrays.push_back({layer.plan.name + ".bias", {outputs}, std::move(layer.bias)});
    if (layer.norm_scale.empty()) continue;
    const bool of_map = layer.plan.norm == Norm::layer && layer.plan.kind != LayerKind::linear;
    const std::vector<std::int64_t> sizes =
        of_map ? std::vector<std::int64_t>{outputs, 1, 1} : std::vector<std::int64_t>{outputs};
    model.arrays.push_back({layer.plan.name + ".norm.weight", sizes, std::move(layer.norm_scale)});
    model.arrays.push_back({layer.plan.name + ".norm.bias", sizes, std::move(layer.norm_shift)});
  }
  return serialise(model);
}

}  // namespace dcgan
