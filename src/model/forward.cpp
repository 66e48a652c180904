#include "dcgan/model/forward.h"

#include <torch/torch.h>

#include <cmath>

#include "dcgan/model/libtorch_version.h"

namespace dcgan {
namespace {

torch::Tensor apply_nonlinearity(const torch::Tensor& x, const LayerPlan& plan) {
  switch (plan.nonlinearity) {
    case Nonlinearity::none:
      return x;
    case Nonlinearity::relu:
      return torch::relu(x);
    case Nonlinearity::leaky_relu:
      return torch::leaky_relu(x, plan.slope);
    case Nonlinearity::elu:
      return torch::elu(x, plan.slope);
    case Nonlinearity::selu:
      return torch::selu(x);
    case Nonlinearity::gelu:
      return torch::gelu(x);
    case Nonlinearity::swish:
      return x * torch::sigmoid(x * plan.slope);
    case Nonlinearity::tanh:
      return torch::tanh(x);
    case Nonlinearity::sigmoid:
      return torch::sigmoid(x);
  }
  return x;
}

torch::Tensor apply_weights(const torch::Tensor& x, const Layer& layer) {
  const LayerPlan& plan = layer.plan;
  switch (plan.kind) {
    case LayerKind::linear:
      return torch::linear(x, layer.weight, layer.bias);
    case LayerKind::convolution:
      return torch::conv2d(x, layer.weight, layer.bias, plan.stride, plan.padding);
    case LayerKind::transposed_convolution:
      return transposed_convolution(x, layer.weight, layer.bias, plan.stride, plan.padding,
                                    {plan.output[1], plan.output[2]});
  }
  return x;
}

torch::Tensor apply_batch_norm(const torch::Tensor& x, const Layer& layer, Mode mode) {
  return torch::batch_norm(x, layer.norm_scale, layer.norm_shift, layer.running_mean,
                           layer.running_var, mode == Mode::train, kBatchNormMomentum,
                           kBatchNormEps, /*cudnn_enabled=*/true);
}

/// The layout that the layer's kind works in: [N, features] or [N, C, H, W].
torch::Tensor shape_input(const torch::Tensor& input, const LayerPlan& plan) {
  const torch::Tensor x = plan.modes > 0 ? choose_mode(input.flatten(1), plan.modes) : input;
  if (plan.kind == LayerKind::linear) return x.flatten(1);
  return x.reshape({x.size(0), plan.input[0], plan.input[1], plan.input[2]});
}

}  // namespace

torch::Tensor choose_mode(const torch::Tensor& latents, std::int64_t modes) {
  const torch::Tensor largest = latents.narrow(1, 0, modes).argmax(1);
  const torch::Tensor chosen = torch::one_hot(largest, modes).to(latents.scalar_type()) *
                               std::sqrt(static_cast<double>(modes));
  return torch::cat({chosen, latents.narrow(1, modes, latents.size(1) - modes)}, 1);
}

torch::Tensor forward(const Network& network, const torch::Tensor& input, Mode mode) {
  torch::Tensor x = input;
  for (const Layer& layer : network.layers) {
    x = apply_weights(shape_input(x, layer.plan), layer);
    if (layer.plan.batch_norm) x = apply_batch_norm(x, layer, mode);
    x = apply_nonlinearity(x, layer.plan);
  }
  const ImageShape& out = network.layers.back().plan.output;
  if (out == ImageShape{1, 1, 1}) return x.reshape({x.size(0)});  // the logits, [N]
  return x.reshape({x.size(0), out[0], out[1], out[2]});          // images, [N, C, H, W]
}

}  // namespace dcgan
