// What differs between the LibTorch versions that we build against (1.13 to the newest), and
// nothing else.
#pragma once

#include <torch/torch.h>

#include <array>

namespace dcgan {

/// A convolution's gradient with respect to its input. `input_sizes`: [N, C, H, W] of that input.
inline torch::Tensor convolution_backward_data(const torch::Tensor& grad_output,
                                               const torch::Tensor& weight,
                                               at::IntArrayRef input_sizes, at::IntArrayRef stride,
                                               at::IntArrayRef padding) {
  // Only the sizes of `input` are looked at when its own gradient is the only one asked for.
  const auto input = torch::empty(input_sizes, grad_output.options());
  return std::get<0>(at::convolution_backward(grad_output, input, weight, c10::nullopt, stride,
                                              padding, {1, 1}, /*transposed=*/false, {0, 0},
                                              /*groups=*/1, {true, false, false}));
}

#if TORCH_VERSION_MAJOR < 2
/// LibTorch 1.13's conv_transpose2d leaves oneDNN and runs at an eighth of its speed on a CPU. A
/// transposed convolution is a convolution's backward-data, which stays in oneDNN:
///   y = backward_data(x),  dL/dx = conv2d(dL/dy),  dL/dw = backward_weights(input = dL/dy, x).
class TransposedConvolution : public torch::autograd::Function<TransposedConvolution> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const torch::Tensor& x,
                               const torch::Tensor& weight, std::array<std::int64_t, 2> stride,
                               std::array<std::int64_t, 2> padding,
                               std::array<std::int64_t, 2> output_size) {
    context->save_for_backward({x, weight});
    context->saved_data["stride"] = std::vector<std::int64_t>(stride.begin(), stride.end());
    context->saved_data["padding"] = std::vector<std::int64_t>(padding.begin(), padding.end());
    return convolution_backward_data(
        x, weight, {x.size(0), weight.size(1), output_size[0], output_size[1]}, stride, padding);
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grad_outputs) {
    const auto saved = context->get_saved_variables();
    const auto stride = context->saved_data["stride"].toIntVector();
    const auto padding = context->saved_data["padding"].toIntVector();
    const torch::Tensor& x = saved[0];
    const torch::Tensor& weight = saved[1];
    const torch::Tensor& grad = grad_outputs[0];
    torch::Tensor grad_x;
    torch::Tensor grad_weight;
    if (context->needs_input_grad(0)) {
      grad_x = torch::conv2d(grad, weight, {}, stride, padding);
    }
    if (context->needs_input_grad(1)) {
      grad_weight = std::get<1>(at::convolution_backward(
          x, grad, weight, c10::nullopt, stride, padding, {1, 1}, /*transposed=*/false, {0, 0},
          /*groups=*/1, {false, true, false}));
    }
    return {grad_x, grad_weight, {}, {}, {}};
  }
};
#endif

/// x [N, in, h, w], weight [in, out, kh, kw], bias [out] or undefined -> [N, out, H, W] with
/// `output_size` = {H, W}. Differentiable twice.
inline torch::Tensor transposed_convolution(const torch::Tensor& x, const torch::Tensor& weight,
                                            const torch::Tensor& bias,
                                            std::array<std::int64_t, 2> stride,
                                            std::array<std::int64_t, 2> padding,
                                            std::array<std::int64_t, 2> output_size) {
#if TORCH_VERSION_MAJOR < 2
  const torch::Tensor y = TransposedConvolution::apply(x, weight, stride, padding, output_size);
  return bias.defined() ? y + bias.view({1, -1, 1, 1}) : y;
#else
  // The kernels of our plans leave no choice of size: output_padding is always 0.
  (void)output_size;
  return torch::conv_transpose2d(x, weight, bias, stride, padding);
#endif
}

}  // namespace dcgan
