#include "kernels/convolution.h"

#include <algorithm>
#include <optional>
#include <vector>

#include "kernels/channels_last.h"
#include "kernels/winograd/winograd.h"
#include "runtime/cpu.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

using Extent2 = std::array<std::int64_t, 2>;

/// Up to here an image has few channels: oneDNN's data product runs at a twentieth of its speed,
/// and without AVX-512 its weight product at a tenth.
constexpr std::int64_t kFewChannels = 4;

Extent2 extent_of(const torch::Tensor& x) { return {x.size(2), x.size(3)}; }

/// Height and width of what the convolution of an image makes.
Extent2 map_of(const torch::Tensor& x, const Window& window) {
  Extent2 map = extent_of(x);
  for (std::size_t d = 0; d < map.size(); ++d) {
    map[d] = (map[d] + 2 * window.padding[d] - window.kernel[d]) / window.stride[d] + 1;
  }
  return map;
}

/// [N, C, h, w] as a matrix [N * h * w, C], a row for each place: a view likewise.
torch::Tensor as_rows(const torch::Tensor& x) {
  return channels_last(x).permute({0, 2, 3, 1}).reshape({-1, x.size(1)});
}

/// Whether the kernel has one place: it is as large as the image.
bool covers(const Window& window, const Extent2& image) {
  return window.kernel == image && window.padding == Extent2{0, 0};
}

/// oneDNN's products that are not the forward one. The tensor that is not asked for lends its
/// sizes.
std::tuple<torch::Tensor, torch::Tensor, torch::Tensor> convolution_backward(
    const torch::Tensor& grad, const torch::Tensor& x, const torch::Tensor& weight,
    const Window& window, std::array<bool, 3> wanted) {
  return at::convolution_backward(grad, x, weight, c10::nullopt, window.stride, window.padding,
                                  {1, 1}, /*transposed=*/false, {0, 0}, /*groups=*/1, wanted);
}

/// [N, in, H, W], [out, in, kh, kw] -> [N, out, h, w].
torch::Tensor forward_product(const torch::Tensor& x, const torch::Tensor& weight,
                              const Window& window) {
  if (const auto type = product_type(x); type != x.scalar_type()) {
    return forward_product(x.to(type), weight.to(type), window).to(x.scalar_type());
  }
  if (covers(window, extent_of(x))) {
    return from_matrix(torch::mm(as_matrix(x), as_matrix(weight).t()), weight.size(0), {1, 1});
  }
  const Extent2 map = map_of(x, window);
  if (takes_winograd(Product::forward, weight, window, map, x.size(0))) {
    return winograd_forward(channels_last(x), weight, window, map);
  }
  return torch::conv2d(channels_last(x), weight, {}, window.stride, window.padding);
}

/// [N, out, h, w], [out, in, kh, kw] -> [N, in, H, W].
torch::Tensor data_product(const torch::Tensor& grad, const torch::Tensor& weight,
                           const Window& window, const Extent2& size) {
  if (const auto type = product_type(grad); type != grad.scalar_type()) {
    return data_product(grad.to(type), weight.to(type), window, size).to(grad.scalar_type());
  }
  const std::int64_t images = grad.size(0);
  const std::int64_t channels = weight.size(1);
  if (covers(window, size)) {
    return from_matrix(torch::mm(as_matrix(grad), as_matrix(weight)), channels, size);
  }
  if (channels <= kFewChannels) {
    const torch::Tensor patches = torch::mm(as_rows(grad), as_matrix(weight))
                                      .view({images, grad.size(2), grad.size(3), window.kernel[0],
                                             window.kernel[1], channels});
    return fold_patches(patches.to(torch::kFloat32), window, size)
        .permute({0, 3, 1, 2})
        .to(grad.scalar_type());
  }
  if (takes_winograd(Product::data, weight, window, extent_of(grad), images)) {
    return winograd_data(channels_last(grad), weight, window, size);
  }
  const torch::Tensor x = torch::empty({images, channels, size[0], size[1]}, grad.options(),
                                       torch::MemoryFormat::ChannelsLast);
  return std::get<0>(
      convolution_backward(channels_last(grad), x, weight, window, {true, false, false}));
}

/// weight_product() as matrix products of a few images at a time, so that their patches fit the
/// caches; their sum is float32 until its end.
torch::Tensor weight_product_of_patches(const torch::Tensor& x, const torch::Tensor& grad,
                                        const Window& window, at::ScalarType type) {
  constexpr std::int64_t kPatchBytes = 8 << 20;
  const Extent2 map = extent_of(grad);
  const std::int64_t numbers = window.kernel[0] * window.kernel[1] * x.size(1);
  const std::int64_t image_bytes =
      map[0] * map[1] * numbers * static_cast<std::int64_t>(x.element_size());
  const std::int64_t images = std::clamp<std::int64_t>(kPatchBytes / image_bytes, 1, x.size(0));
  torch::Tensor sum;
  for (std::int64_t from = 0; from < x.size(0); from += images) {
    const std::int64_t count = std::min(images, x.size(0) - from);
    const torch::Tensor patches = unfold_patches(x.narrow(0, from, count), window, map);
    const torch::Tensor rows = as_rows(grad.narrow(0, from, count));
    const torch::Tensor part = torch::mm(rows.t(), patches.view({-1, numbers}));
    if (count == x.size(0)) return from_matrix(part.to(type), x.size(1), window.kernel);
    sum = sum.defined() ? sum.add_(part) : part.to(torch::kFloat32);
  }
  return from_matrix(sum.to(type), x.size(1), window.kernel);
}

/// [N, in, H, W], [N, out, h, w] -> [out, in, kh, kw] of `type`.
torch::Tensor weight_product(const torch::Tensor& x, const torch::Tensor& grad,
                             const torch::Tensor& weight, const Window& window,
                             at::ScalarType type) {
  if (const auto better = product_type(x); better != x.scalar_type()) {
    return weight_product(x.to(better), grad.to(better), weight.to(better), window, type);
  }
  // Under create_graph this gradient must have one itself, which the stock operator does.
  if (!torch::GradMode::is_enabled()) {
    if (covers(window, extent_of(x))) {
      return from_matrix(torch::mm(as_matrix(grad).t(), as_matrix(x)).to(type), x.size(1),
                         window.kernel);
    }
    if (takes_winograd(Product::weight, weight, window, extent_of(grad), x.size(0))) {
      return winograd_weight(channels_last(x), channels_last(grad), window, type);
    }
    if (x.scalar_type() == at::kBFloat16 || (x.size(1) <= kFewChannels && !has_avx512())) {
      return weight_product_of_patches(channels_last(x), channels_last(grad), window, type);
    }
  }
  return std::get<1>(convolution_backward(channels_last(grad), channels_last(x), weight, window,
                                          {false, true, false}))
      .to(type);
}

/// A convolution, or with an output size a transposed one: each is the other's gradient in x.
class Convolution : public torch::autograd::Function<Convolution> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, const Window& window,
                               const std::optional<Extent2>& output_size) {
    const torch::Tensor working = weight.to(x.scalar_type());
    context->save_for_backward({x, weight, working});
    auto& data = context->saved_data;
    data["kernel"] = numbers_of(window.kernel);
    data["stride"] = numbers_of(window.stride);
    data["padding"] = numbers_of(window.padding);
    data["transposed"] = output_size.has_value();
    return output_size ? data_product(x, working, window, *output_size)
                       : forward_product(x, working, window);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad_outputs) {
    const auto saved = context->get_saved_variables();
    const torch::Tensor& x = saved[0];
    const torch::Tensor& weight = saved[1];
    const torch::Tensor& working = saved[2];
    const auto extent = [&](const char* name) {
      const auto numbers = context->saved_data[name].toIntVector();
      return Extent2{numbers[0], numbers[1]};
    };
    const Window window{extent("kernel"), extent("stride"), extent("padding")};
    const bool transposed = context->saved_data["transposed"].toBool();
    const torch::Tensor& grad = grad_outputs[0];
    torch::autograd::variable_list grads(4);
    if (context->needs_input_grad(0)) {
      // Under create_graph this gradient has one in the weight.
      const torch::Tensor& factor = torch::GradMode::is_enabled() ? weight : working;
      grads[0] = transposed ? convolution(grad, factor, window)
                            : transposed_convolution(grad, factor, window, extent_of(x));
    }
    if (context->needs_input_grad(1)) {
      grads[1] = weight_product(transposed ? grad : x, transposed ? x : grad, working, window,
                                weight.scalar_type());
    }
    return grads;
  }

 private:
  static std::vector<std::int64_t> numbers_of(const Extent2& extent) {
    return {extent.begin(), extent.end()};
  }
};

}  // namespace

at::ScalarType product_type(const torch::Tensor& x) {
  const at::ScalarType type = x.scalar_type();
  return type == at::kBFloat16 && !has_fast_bfloat16() ? at::kFloat : type;
}

torch::Tensor convolution(const torch::Tensor& x, const torch::Tensor& weight,
                          const Window& window) {
  return Convolution::apply(x, weight, window, std::nullopt);
}

torch::Tensor transposed_convolution(const torch::Tensor& x, const torch::Tensor& weight,
                                     const Window& window,
                                     std::array<std::int64_t, 2> output_size) {
  return Convolution::apply(x, weight, window, output_size);
}

}  // namespace dcgan
