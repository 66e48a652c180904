#include "model/forward.h"

#include <algorithm>
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

/// A weight as a matrix [out, -1]. The order of its columns is that in memory, which no singular
/// value depends on.
torch::Tensor as_matrix(const Layer& layer) {
  if (layer.plan.kind == LayerKind::linear) return layer.weight;
  const torch::Tensor rows = layer.weight.permute({0, 2, 3, 1});
  return layer.plan.kind == LayerKind::convolution ? rows.flatten(1) : rows.flatten(0, 2).t();
}

torch::Tensor direction_of(const torch::Tensor& x) { return x / x.norm().clamp_min(1e-12); }

/// What the layer multiplies by.
torch::Tensor weight_of(const Layer& layer, Mode mode) {
  if (layer.plan.norm != Norm::spectral) return layer.weight;
  const torch::Tensor matrix = as_matrix(layer);
  torch::Tensor u;
  torch::Tensor v;
  {
    const torch::NoGradGuard no_grad;
    v = direction_of(matrix.t().mv(layer.spectral_u));
    u = direction_of(matrix.mv(v));
    if (mode == Mode::train) torch::Tensor(layer.spectral_u).copy_(u);
  }
  return layer.weight / u.dot(matrix.mv(v));
}

/// The layer's linear part, in x's type; the weights' gradients come back in the weights' own.
torch::Tensor apply_weights(const torch::Tensor& x, const Layer& layer, Mode mode) {
  const torch::Tensor own_weight = weight_of(layer, mode);
  const LayerPlan& plan = layer.plan;
  const torch::Tensor bias = layer.bias.defined() ? layer.bias.to(x.scalar_type()) : layer.bias;
  const bool transposed = plan.kind == LayerKind::transposed_convolution;
  if (plan.kind == LayerKind::linear || !has_kernels(x)) {
    const torch::Tensor weight = own_weight.to(x.scalar_type());
    if (plan.kind == LayerKind::linear) return linear(x, weight, bias);
    // The kernels of our plans leave a transposed convolution no choice of size.
    return transposed ? torch::conv_transpose2d(x, weight, bias, plan.stride, plan.padding)
                      : torch::conv2d(x, weight, bias, plan.stride, plan.padding);
  }
  const Window window{plan.kernel, plan.stride, plan.padding};
  const torch::Tensor y =
      transposed ? transposed_convolution(x, own_weight, window, {plan.output[1], plan.output[2]})
                 : convolution(x, own_weight, window);
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
                                      kNormEps, /*cudnn_enabled=*/true));
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
    const torch::Tensor factor = layer.norm_scale * (variance + kNormEps).rsqrt();
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
                         layer.running_var, kBatchNormMomentum, kNormEps};
  const std::optional<double> slope = fused_slope(layer.plan);
  const torch::Tensor y =
      train ? norm_activation(x, norm, slope.value_or(1.0), batches, options.reducer)
            : norm_activation_eval(x, norm, slope.value_or(1.0));
  return slope ? y : apply_nonlinearity(y, layer.plan);
}

torch::Tensor apply_norm_and_nonlinearity(const torch::Tensor& x, const Layer& layer, Mode mode,
                                          const ForwardOptions& options) {
  const LayerPlan& plan = layer.plan;
  if (plan.norm == Norm::batch) return apply_batch_norm_and_nonlinearity(x, layer, mode, options);
  if (!has_scale(plan.norm)) return apply_nonlinearity(x, plan);
  const std::int64_t groups = plan.norm == Norm::layer ? 1 : x.size(1);
  const torch::Tensor wide = x.scalar_type() == at::kBFloat16 ? x.to(torch::kFloat32) : x;
  const torch::Tensor y =
      torch::group_norm(wide, groups, layer.norm_scale, layer.norm_shift, kNormEps);
  return apply_nonlinearity(y.to(x.scalar_type()), plan);
}

/// Pooling or enlargement of [N, C, H, W].
torch::Tensor resample(const torch::Tensor& x, const LayerPlan& plan) {
  constexpr Extent kTwo{2, 2};
  const Extent size{plan.output[1], plan.output[2]};
  switch (plan.resampling) {
    case Resampling::none:
      return x;
    case Resampling::max_pool:
      return torch::max_pool2d(x, kTwo, kTwo, 0, 1, /*ceil_mode=*/true);
    case Resampling::avg_pool:
      return torch::avg_pool2d(x, kTwo, kTwo, 0, /*ceil_mode=*/true, /*count_include_pad=*/false);
    case Resampling::nearest:
      return torch::upsample_nearest2d(x, size);
    case Resampling::bilinear:
      return torch::upsample_bilinear2d(x, size, /*align_corners=*/false);
  }
  return x;
}

/// The layout that the layer's kind works in: [N, features] or [N, C, H, W].
torch::Tensor shape_input(const torch::Tensor& input, const Layer& layer) {
  const LayerPlan& plan = layer.plan;
  const torch::Tensor x =
      plan.modes > 0 ? choose_mode(input.flatten(1), plan.modes, layer.mode_bias) : input;
  if (plan.kind == LayerKind::linear) return x.flatten(1);
  return x.reshape({x.size(0), plan.input[0], plan.input[1], plan.input[2]});
}

/// forward() of each batch by itself.
torch::Tensor forward_each(const Network& network, const torch::Tensor& input, Mode mode,
                           ForwardOptions options) {
  const std::vector<torch::Tensor> inputs = input.chunk(std::exchange(options.batches, 1));
  TORCH_CHECK(!options.classes.defined(), "classes of several batches");
  std::vector<torch::Tensor> results;
  for (const torch::Tensor& batch : inputs) {
    results.push_back(forward(network, batch, mode, options));
  }
  return torch::cat(results);
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
  if (options.batches > 1 && network.layers.front().spectral_u.defined()) {
    return forward_each(network, input, mode, options);
  }
  torch::Tensor x = input;
  for (const Layer& layer : network.layers) {
    const bool last = &layer == &network.layers.back();
    x = shape_input(x, layer);
    // Logits are one product for each image: exact ones cost nothing, and a critic's may grow.
    if (options.bfloat16) x = x.to(last && to_logits ? torch::kFloat32 : torch::kBFloat16);
    const bool pools = is_pooling(layer.plan.resampling);
    if (!pools) x = resample(x, layer.plan);
    x = apply_weights(x, layer, mode);
    if (options.bfloat16 && last) x = x.to(torch::kFloat32);
    x = apply_norm_and_nonlinearity(x, layer, mode, options);
    if (pools) x = resample(x, layer.plan);
  }
  if (options.classes.defined()) return logits_of_class(x, options.classes);  // [N]
  if (out == ImageShape{1, 1, 1}) return x.reshape({x.size(0)});              // the logits, [N]
  return x.reshape({x.size(0), out[0], out[1], out[2]});  // images, [N, C, H, W]
}

torch::Tensor forward_layer(const Layer& layer, const torch::Tensor& input, Mode mode) {
  return forward({layer.plan.name, {layer}}, input, mode);
}

std::vector<std::string> stock_operations(const NetworkPlan& plan) {
  std::vector<std::string> names;
  const auto add = [&](bool is_stock, const char* name) {
    if (is_stock && std::find(names.begin(), names.end(), name) == names.end()) {
      names.emplace_back(name);
    }
  };
  for (const LayerPlan& layer : plan.layers) {
    const bool is_hidden = &layer != &plan.layers.back();
    add(layer.kind == LayerKind::linear, "linear");
    add(layer.norm != Norm::none && layer.norm != Norm::batch, name_of(layer.norm));
    add(layer.resampling != Resampling::none, name_of(layer.resampling));
    add(is_hidden && !fused_slope(layer) && layer.nonlinearity != Nonlinearity::gelu,
        forms_of(layer.nonlinearity).name);
  }
  return names;
}

}  // namespace dcgan
