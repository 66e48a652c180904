// Convolutions and transposed convolutions on a CPU, each by the way that is fastest for its shape.
//
// Of a convolution y = x * w there are three products:
//   forward   y  of (x, w)    a transposed convolution's gradient in its input
//   data      dx of (dy, w)   a transposed convolution's forward
//   weight    dw of (x, dy)   the same for both
// A layer whose kernel covers the whole input (the first of a generator, the last of a
// discriminator) is a matrix product in all three. The data product of images with few channels is
// a matrix product and fold_patches(); kernels of 3 or 4 places at stride 2 go Winograd's way where
// there are enough channels and images, in bfloat16 where the CPU multiplies it
// (src/kernels/winograd/winograd.h); other weight products in bfloat16, and without AVX-512 those
// of images with few channels, are matrix products of unfold_patches(), where oneDNN's takes half
// as long again and more. The rest is oneDNN's, on tensors with the channels last in memory, where
// its kernels need no reordering.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>

namespace dcgan {

/// How a kernel moves over an image: [height, width] each.
struct Window {
  std::array<std::int64_t, 2> kernel{};
  std::array<std::int64_t, 2> stride{};
  std::array<std::int64_t, 2> padding{};
};

/// What products of x, on a CPU, are best made in: x's own type, or float32, to be rounded, for
/// bfloat16 where there is no fast one (cpu.h).
at::ScalarType product_type(const torch::Tensor& x);

/// x [N, in, H, W], weight [out, in, kh, kw] -> [N, out, h, w], channels last in memory; both
/// float32 or both bfloat16, on a CPU. A float32 weight beside a bfloat16 x is rounded, and has a
/// float32 gradient. Differentiable twice.
torch::Tensor convolution(const torch::Tensor& x, const torch::Tensor& weight,
                          const Window& window);

/// x [N, in, h, w], weight [in, out, kh, kw] -> [N, out, H, W] with `output_size` = {H, W},
/// channels last in memory; types and derivatives as convolution() has them.
torch::Tensor transposed_convolution(const torch::Tensor& x, const torch::Tensor& weight,
                                     const Window& window, std::array<std::int64_t, 2> output_size);

/// What each place of a small map adds to the image around it.
///
///   image[n, i * stride - padding + k, j * stride - padding + l, c] += patches[n, i, j, k, l, c]
///
/// patches: float32 [N, h, w, kh, kw, C], contiguous -> [N, H, W, C]; what lies outside is dropped.
torch::Tensor fold_patches(const torch::Tensor& patches, const Window& window,
                           std::array<std::int64_t, 2> output_size);

/// What each place of a map of height and width `map` sees of the image around it.
///
///   patches[n, i, j, k, l, c] = image[n, c, i * stride - padding + k, j * stride - padding + l]
///
/// image: [N, C, H, W] of any type -> [N, h, w, kh, kw, C], contiguous; 0 outside of the image.
torch::Tensor unfold_patches(const torch::Tensor& images, const Window& window,
                             std::array<std::int64_t, 2> map);

}  // namespace dcgan
