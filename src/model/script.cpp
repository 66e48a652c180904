#include "model/script.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>

#include "base/text.h"
#include "model/forward.h"

namespace dcgan {
namespace {

std::string weights_expression(const LayerPlan& layer) {
  const std::string self = "self." + layer.name;
  const std::string bias = layer.bias ? self + ".bias" : "None";
  if (layer.kind == LayerKind::linear) {
    return fmt::format("torch.linear(x, {}.weight, {})", self, bias);
  }
  return fmt::format("torch.{}(x, {}.weight, {}, {}, {})",
                     layer.kind == LayerKind::convolution ? "conv2d" : "conv_transpose2d", self,
                     bias, layer.stride, layer.padding);
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
    source += fmt::format("    x = {}\n", weights_expression(layer));
    if (layer.batch_norm) {
      source += fmt::format(
          "    x = torch.batch_norm(x, self.{0}.norm.weight, self.{0}.norm.bias, "
          "self.{0}.norm.running_mean, self.{0}.norm.running_var, False, {1}, {2}, True)\n",
          layer.name, float_literal(kBatchNormMomentum), float_literal(kBatchNormEps));
    }
    if (layer.nonlinearity != Nonlinearity::none) {
      source += fmt::format("    x = {}\n",
                            fmt::format(fmt::runtime(forms_of(layer.nonlinearity).torchscript),
                                        float_literal(layer.slope)));
    }
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
