#include "model/script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <cmath>

#include "base/text.h"
#include "model/forward.h"

namespace dcgan {
namespace {

/// `weight` becomes the layer's, divided as forward() does under spectral normalisation.
std::string spectral_lines(const LayerPlan& layer) {
  const bool transposed = layer.kind == LayerKind::transposed_convolution;
  return fmt::format(
      "    weight = self.{0}.weight\n"
      "    matrix = torch.flatten(weight{1}, 1)\n"
      "    v = torch.mv(torch.t(matrix), self.{0}.spectral_u)\n"
      "    v = v / torch.clamp_min(torch.norm(v), 1e-12)\n"
      "    weight = weight / torch.norm(torch.mv(matrix, v))\n",
      layer.name, transposed ? ".transpose(0, 1)" : "");
}

/// The layer's linear part.
std::string weights_lines(const LayerPlan& layer) {
  const bool spectral = layer.norm == Norm::spectral;
  const std::string self = "self." + layer.name;
  const std::string bias = layer.bias ? self + ".bias" : "None";
  const std::string weight = spectral ? std::string("weight") : self + ".weight";
  const std::string before = spectral ? spectral_lines(layer) : std::string();
  if (layer.kind == LayerKind::linear) {
    return before + fmt::format("    x = torch.linear(x, {}, {})\n", weight, bias);
  }
  return before + fmt::format("    x = torch.{}(x, {}, {}, {}, {})\n",
                              layer.kind == LayerKind::convolution ? "conv2d" : "conv_transpose2d",
                              weight, bias, layer.stride, layer.padding);
}

std::string norm_lines(const LayerPlan& layer) {
  if (layer.norm == Norm::batch) {
    return fmt::format(
        "    x = torch.batch_norm(x, self.{0}.norm.weight, self.{0}.norm.bias, "
        "self.{0}.norm.running_mean, self.{0}.norm.running_var, False, {1}, {2}, True)\n",
        layer.name, float_literal(kBatchNormMomentum), float_literal(kNormEps));
  }
  if (!has_scale(layer.norm)) return "";
  return fmt::format(
      "    x = torch.group_norm(x, {1}, self.{0}.norm.weight, self.{0}.norm.bias, {2}, True)\n",
      layer.name, layer.norm == Norm::layer ? 1 : layer.output[0], float_literal(kNormEps));
}

/// As resample() in forward.cpp.
std::string resampling_lines(const LayerPlan& layer) {
  constexpr std::array kForms{"", "torch.max_pool2d(x, [2, 2], [2, 2], [0, 0], [1, 1], True)",
                              "torch.avg_pool2d(x, [2, 2], [2, 2], [0, 0], True, False)",
                              "torch.upsample_nearest2d(x, [{}, {}])",
                              "torch.upsample_bilinear2d(x, [{}, {}], False)"};
  if (layer.resampling == Resampling::none) return "";
  const char* const form = kForms.at(static_cast<std::size_t>(layer.resampling));
  return fmt::format("    x = {}\n",
                     fmt::format(fmt::runtime(form), layer.output[1], layer.output[2]));
}

}  // namespace

std::string float_literal(double value) {
  std::string text = format_real(value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string torchscript_layers(const NetworkPlan& plan) {
  std::string source;
  for (const LayerPlan& layer : plan.layers) {
    const bool of_image = layer.input[1] * layer.input[2] > 1;
    if (layer.kind == LayerKind::linear && of_image) source += "    x = torch.flatten(x, 1)\n";
    const bool pools = is_pooling(layer.resampling);
    if (!pools) source += resampling_lines(layer);
    source += weights_lines(layer) + norm_lines(layer);
    if (layer.nonlinearity != Nonlinearity::none) {
      source += fmt::format("    x = {}\n",
                            fmt::format(fmt::runtime(forms_of(layer.nonlinearity).torchscript),
                                        float_literal(layer.slope)));
    }
    if (pools) source += resampling_lines(layer);
  }
  return source;
}

std::string torchscript_forward(const NetworkPlan& generator) {
  const LayerPlan& first = generator.layers.front();
  const std::int64_t size = first.input[0];
  const std::string bias = first.classes > 0 ? fmt::format(" + self.{}.mode_bias", first.name) : "";
  std::string source = "def forward(self, z):\n";
  if (first.modes > 0) {  // choose_mode()
    source += fmt::format(
        "    z = z.reshape([z.size(0), {0}])\n"
        "    chosen = torch.one_hot(torch.argmax(z[:, :{1}]{3}, 1), {1}).to(z.dtype) * {2}\n"
        "    z = torch.cat([chosen, z[:, {1}:]], 1)\n",
        size, first.modes, float_literal(std::sqrt(static_cast<double>(first.modes))), bias);
  }
  source += fmt::format("    x = z.reshape([z.size(0), {}{}])\n", size,
                        first.kind == LayerKind::linear ? "" : ", 1, 1");
  source += torchscript_layers(generator);
  return source + fmt::format("    return x.reshape([x.size(0), {}])\n",
                              fmt::join(generator.layers.back().output, ", "));
}

}  // namespace dcgan
