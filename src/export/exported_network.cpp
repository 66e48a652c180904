#include "export/exported_network.h"

#include <cmath>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "config/resolve.h"
#include "dcgan/error.h"
#include "generate/generator_file.h"
#include "model/archive.h"
#include "model/forward.h"
#include "model/network.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

NamedArray to_array(const std::string& name, const torch::Tensor& tensor) {
  const torch::Tensor numbers = tensor.detach().to(torch::kCPU, torch::kFloat32).contiguous();
  const float* const first = numbers.data_ptr<float>();
  return {name, numbers.sizes().vec(), {first, first + numbers.numel()}};
}

/// Of a weight, as forward() estimates it.
double spectral_norm(const LayerPlan& plan, const std::vector<float>& weight,
                     const std::vector<float>& u) {
  torch::Tensor matrix = torch::tensor(weight, torch::kFloat64).view(weight_sizes(plan));
  if (plan.kind == LayerKind::transposed_convolution) matrix = matrix.transpose(0, 1);
  matrix = matrix.flatten(1);
  const torch::Tensor v = matrix.t().mv(torch::tensor(u, torch::kFloat64));
  return (matrix.mv(v).norm() / v.norm()).item<double>();
}

}  // namespace

ExportedNetwork read_exported_network(const std::filesystem::path& checkpoint,
                                      const ExportOptions& options) {
  const bool newest = options.discriminator || options.weights == Weights::raw;
  const std::filesystem::path path = find_generator_file(checkpoint, newest);
  const std::optional<Archive> archive = parse_archive(read_file(path), path);
  if (!archive || archive->kind == ArchiveKind::features) {
    throw failure("not a generator or a checkpoint of dcgan")
        .in(path)
        .remedy(
            "name a g.pt, a checkpoint or the folder of a run; dcgan import makes a g.pt of a "
            "PyTorch state_dict");
  }
  ExportedNetwork exported;
  exported.options = options;
  Network network;
  if (options.discriminator) {
    exported.config = parse_config(archive->config, path.string() + ": config.yaml");
    exported.step = archive->numbers.at("step");
    exported.classes = noted_class_names(*archive);
    network = load_discriminator(*archive, exported.config, path);
  } else {
    GeneratorFile file = load_generator(*archive, path, options.weights);
    exported.config = file.config;
    exported.step = file.step;
    exported.classes = file.classes;
    network = file.generator;
  }
  exported.plan = plan_of(network);
  for (const auto& [name, tensor] : named_tensors(network)) {
    exported.arrays.push_back(to_array(name, tensor));
  }
  return exported;
}

std::vector<std::string> all_class_names(const ExportedNetwork& network) {
  std::vector<std::string> names;
  for (std::int64_t i = 0; i < network.config.model.classes; ++i) {
    names.push_back(class_name(network.classes, static_cast<std::size_t>(i)));
  }
  return names;
}

std::vector<FoldedLayer> fold_norms(const ExportedNetwork& network) {
  std::map<std::string, const std::vector<float>*> numbers;
  for (const NamedArray& array : network.arrays) numbers[array.name] = &array.numbers;
  std::vector<FoldedLayer> layers;
  for (const LayerPlan& plan : network.plan.layers) {
    const auto of_layer = [&](const std::string& name) -> const std::vector<float>& {
      return *numbers.at(plan.name + "." + name);
    };
    FoldedLayer layer;
    layer.plan = plan;
    if (!has_scale(plan.norm) || plan.norm == Norm::batch) layer.plan.norm = Norm::none;
    layer.plan.bias = true;
    layer.weight = of_layer("weight");
    const bool is_linear = plan.kind == LayerKind::linear;
    const auto outputs = static_cast<std::size_t>(
        is_linear ? plan.output[0] * plan.output[1] * plan.output[2] : plan.output[0]);
    layer.bias = plan.bias ? of_layer("bias") : std::vector<float>(outputs, 0.0F);
    if (plan.modes > 0 && plan.classes > 0) layer.mode_bias = of_layer("mode_bias");
    if (layer.plan.norm != Norm::none) {
      layer.norm_scale = of_layer("norm.weight");
      layer.norm_shift = of_layer("norm.bias");
    }
    if (plan.norm == Norm::spectral) {
      const double norm = spectral_norm(plan, layer.weight, of_layer("spectral_u"));
      for (float& number : layer.weight) number = static_cast<float>(number / norm);
    }
    if (plan.norm == Norm::batch) {
      // A transposed weight is [in, out, kh, kw], the others [out, ...].
      const auto area = static_cast<std::size_t>(plan.kernel[0] * plan.kernel[1]);
      const bool is_transposed = plan.kind == LayerKind::transposed_convolution;
      const std::size_t each = is_transposed ? area : layer.weight.size() / outputs;
      std::vector<double> scale(outputs);
      for (std::size_t i = 0; i < outputs; ++i) {
        scale[i] = of_layer("norm.weight")[i] /
                   std::sqrt(static_cast<double>(of_layer("norm.running_var")[i]) + kNormEps);
        layer.bias[i] = static_cast<float>(
            of_layer("norm.bias")[i] +
            (static_cast<double>(layer.bias[i]) - of_layer("norm.running_mean")[i]) * scale[i]);
      }
      for (std::size_t i = 0; i < layer.weight.size(); ++i) {
        layer.weight[i] = static_cast<float>(layer.weight[i] * scale[i / each % outputs]);
      }
    }
    layers.push_back(std::move(layer));
  }
  return layers;
}

}  // namespace dcgan
