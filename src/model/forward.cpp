#include "model/forward.h"

#include <optional>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/gelu.h"
#include "kernels/norm_activation.h"
#include "model/modes.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Our kernels are for float32 and bfloat16 on a CPU; the rest takes LibTorch's operators.
bool has_kernels(const torch::Tensor& x) {
  return x.is_cpu() && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kBFloat16);
}

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
      return has_kernels(x) ? dcgan::gelu(x) : torch::gelu(x);
    case Nonlinearity::swish:
      return x * torch::sigmoid(x * plan.slope);
    case Nonlinearity::tanh:
      return torch::tanh(x);
    case Nonlinearity::sigmoid:
      return torch::sigmoid(x);
  }
  return x;
}

/// In x's type.
torch::Tensor linear(const torch::Tensor& x, const torch::Tensor& weight,
                     const torch::Tensor& bias) {
  const at::ScalarType type = x.is_cpu() ? product_type(x) : x.scalar_type();
  return torch::linear(x.to(type), weight.to(type), bias.defined() ? bias.to(type) : bias)
      .to(x.scalar_type());
}

/// The layer's linear part, in x's type; the weights' gradients come back in the weights' own.
torch::Tensor apply_weights(const torch::Tensor& x, const Layer& layer) {
  const LayerPlan& plan = layer.plan;
  const torch::Tensor bias = layer.bias.defined() ? layer.bias.to(x.scalar_type()) : layer.bias;
  const bool transposed = plan.kind == LayerKind::transposed_convolution;
  if (plan.kind == LayerKind::linear || !has_kernels(x)) {
    const torch::Tensor weight = layer.weight.to(x.scalar_type());
    if (plan.kind == LayerKind::linear) return linear(x, weight, bias);
    // The kernels of our plans leave a transposed convolution no choice of size.
    return transposed ? torch::conv_transpose2d(x, weight, bias, plan.stride, plan.padding)
                      : torch::conv2d(x, weight, bias, plan.stride, plan.padding);
  }
  const Window window{plan.kernel, plan.stride, plan.padding};
  const torch::Tensor y =
      transposed ? transposed_convolution(x, layer.weight, window, {plan.output[1], plan.output[2]})
                 : convolution(x, layer.weight, window);
  return bias.defined() ? y + bias.view({1, -1, 1, 1}) : y;
}

/// The slope below 0 of an activation that norm_activation() does in the same pass as BatchNorm.
std::optional<double> fused_slope(const LayerPlan& plan) {
  if (plan.nonlinearity == Nonlinearity::none) return 1.0;
  if (plan.nonlinearity == Nonlinearity::relu) return 0.0;
  if (plan.nonlinearity == Nonlinearity::leaky_relu) return plan.slope;
  return std::nullopt;
}

torch::Tensor apply_stock_batch_norm(const torch::Tensor& x, const Layer& layer, Mode mode,
                                     std::int64_t batches) {
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : x.chunk(batches)) {
    parts.push_back(torch::batch_norm(part, layer.norm_scale, layer.norm_shift, layer.running_mean,
                                      layer.running_var, mode == Mode::train, kBatchNormMomentum,
                                      kBatchNormEps, /*cudnn_enabled=*/true));
  }
  return batches == 1 ? parts.front() : torch::cat(parts);
}

/// A sum over the parts of a batch. Its gradient is the sum of the parts' gradients.
class SumOfParts : public torch::autograd::Function<SumOfParts> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               Reducer* reducer) {
    context->saved_data["reducer"] = reinterpret_cast<std::int64_t>(reducer);
    torch::Tensor sum = x.clone();
    reducer->sum(sum);
    return sum;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    // An IValue holds no pointer of ours. NOLINTNEXTLINE(performance-no-int-to-ptr)
    auto* const reducer = reinterpret_cast<Reducer*>(context->saved_data["reducer"].toInt());
    return {apply(grads[0], reducer), {}};
  }
};

/// BatchNorm in train mode whose batches have other parts elsewhere, by LibTorch's operators.
torch::Tensor apply_batch_norm_of_parts(const torch::Tensor& x, const Layer& layer,
                                        const ForwardOptions& options) {
  const bool is_map = x.dim() == 4;
  const auto dims = is_map ? std::vector<std::int64_t>{0, 2, 3} : std::vector<std::int64_t>{0};
  const auto by_channel = [&](const torch::Tensor& numbers) {
    return numbers.view(is_map ? at::IntArrayRef{1, -1, 1, 1} : at::IntArrayRef{1, -1});
  };
  const auto running = [](const torch::Tensor& followed, const torch::Tensor& value) {
    const torch::NoGradGuard no_grad;
    torch::Tensor(followed).lerp_(value.detach(), kBatchNormMomentum);
  };
  std::vector<torch::Tensor> results;
  for (const torch::Tensor& part : x.chunk(options.batches)) {
    const torch::Tensor wide = part.scalar_type() == at::kDouble ? part : part.to(torch::kFloat32);
    const std::int64_t values = wide.numel() / wide.size(1);  // of one channel
    const auto count = static_cast<double>(values * options.reducer->parts());
    const torch::Tensor mean = SumOfParts::apply(wide.sum(dims), options.reducer) / count;
    const torch::Tensor centred = wide - by_channel(mean);
    const torch::Tensor variance =
        SumOfParts::apply(centred.square().sum(dims), options.reducer) / count;
    running(layer.running_mean, mean);
    running(layer.running_var, variance * (count / (count - 1)));
    const torch::Tensor factor = layer.norm_scale * (variance + kBatchNormEps).rsqrt();
    results.push_back((centred * by_channel(factor) + by_channel(layer.norm_shift)).to(x));
  }
  return torch::cat(results);
}

torch::Tensor apply_batch_norm_and_nonlinearity(const torch::Tensor& x, const Layer& layer,
                                                Mode mode, const ForwardOptions& options) {
  const bool train = mode == Mode::train;
  const std::int64_t batches = options.batches;
  if (train && options.reducer != nullptr && !has_kernels(x)) {
    return apply_nonlinearity(apply_batch_norm_of_parts(x, layer, options), layer.plan);
  }
  if (!has_kernels(x) || (!train && torch::GradMode::is_enabled())) {
    return apply_nonlinearity(apply_stock_batch_norm(x, layer, mode, batches), layer.plan);
  }
  const NormTensors norm{layer.norm_scale,  layer.norm_shift,   layer.running_mean,
                         layer.running_var, kBatchNormMomentum, kBatchNormEps};
  const std::optional<double> slope = fused_slope(layer.plan);
  const torch::Tensor y =
      train ? norm_activation(x, norm, slope.value_or(1.0), batches, options.reducer)
            : norm_activation_eval(x, norm, slope.value_or(1.0));
  return slope ? y : apply_nonlinearity(y, layer.plan);
}

/// The layout that the layer's kind works in: [N, features] or [N, C, H, W].
torch::Tensor shape_input(const torch::Tensor& input, const Layer& layer) {
  const LayerPlan& plan = layer.plan;
  const torch::Tensor x =
      plan.modes > 0 ? choose_mode(input.flatten(1), plan.modes, layer.mode_bias) : input;
  if (plan.kind == LayerKind::linear) return x.flatten(1);
  return x.reshape({x.size(0), plan.input[0], plan.input[1], plan.input[2]});
}

/// [N, n] of the numbers [N, 1 + K], each plus the first: those of classes [N, n].
torch::Tensor logits_of(const torch::Tensor& numbers, const torch::Tensor& classes) {
  const torch::Tensor rows = numbers.flatten(1);
  return rows.narrow(1, 0, 1) + rows.narrow(1, 1, rows.size(1) - 1).gather(1, classes);
}

}  // namespace

torch::Tensor logits_of_class(const torch::Tensor& numbers, const torch::Tensor& classes) {
  return logits_of(numbers, classes.unsqueeze(1)).squeeze(1);
}

torch::Tensor logits_of_other_classes(const torch::Tensor& numbers, const torch::Tensor& classes) {
  // From 0 on, and one further from the image's own class on.
  const torch::Tensor others = torch::arange(numbers.size(1) - 2, classes.options()).unsqueeze(0);
  return logits_of(numbers, others + others.ge(classes.unsqueeze(1)));
}

torch::Tensor forward(const Network& network, const torch::Tensor& input, Mode mode,
                      const ForwardOptions& options) {
  const ImageShape& out = network.layers.back().plan.output;
  const bool to_logits = out[1] == 1 && out[2] == 1;
  torch::Tensor x = input;
  for (const Layer& layer : network.layers) {
    const bool last = &layer == &network.layers.back();
    x = shape_input(x, layer);
    // Logits are one product for each image: exact ones cost nothing, and a critic's may grow.
    if (options.bfloat16) x = x.to(last && to_logits ? torch::kFloat32 : torch::kBFloat16);
    x = apply_weights(x, layer);
    if (options.bfloat16 && last) x = x.to(torch::kFloat32);
    x = layer.plan.batch_norm ? apply_batch_norm_and_nonlinearity(x, layer, mode, options)
                              : apply_nonlinearity(x, layer.plan);
  }
  if (options.classes.defined()) return logits_of_class(x, options.classes);  // [N]
  if (out == ImageShape{1, 1, 1}) return x.reshape({x.size(0)});              // the logits, [N]
  return x.reshape({x.size(0), out[0], out[1], out[2]});  // images, [N, C, H, W]
}

}  // namespace dcgan
