// Convolutions with kernels of 3 or 4 places and stride 2, and their reverse, by fewer
// multiplications.
//
// Split by the parity of the kernel's rows and columns, such a convolution is the sum of four with
// kernels of at most 2x2 and stride 1, each over every other row and column of the image. Of those
// Winograd's F(4x4, 2x2) makes 4x4 results by 25 products in place of 64 (Lavin, Gray, "Fast
// algorithms for convolutional neural networks", 2016, section 4); where a map ends with three,
// F(3, 2) makes these by four in each direction in place of five. A product at a point is one of
// matrices, over all tiles of all images. An image's results do not depend on the others, nor on
// the number of threads. Sums are float32. In bfloat16 the transformed numbers are rounded before
// they are multiplied: results are within 1 % of the exact ones (root mean square), where oneDNN's,
// rounded once, are within 0.2 %.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>

#include "kernels/convolution.h"

namespace dcgan {

/// What a convolution and its gradients ask for (kernels/convolution.h).
enum class Product { forward, data, weight };

/// Whether the functions below can do it, and do it faster than oneDNN: at least 32 channels on
/// both sides, and enough tiles that are full enough; in bfloat16, on a CPU with an instruction for
/// it. map: height and width of what the convolution makes.
bool takes_winograd(Product product, const torch::Tensor& weight, const Window& window,
                    const std::array<std::int64_t, 2>& map, std::int64_t images);

/// x [N, in, H, W], weight [out, in, kh, kw], both float32 or both bfloat16, channels last -> [N,
/// out, h, w] = `map`.
torch::Tensor winograd_forward(const torch::Tensor& x, const torch::Tensor& weight,
                               const Window& window, const std::array<std::int64_t, 2>& map);

/// grad [N, out, h, w], weight [out, in, kh, kw] likewise -> [N, in, H, W] = `size`.
torch::Tensor winograd_data(const torch::Tensor& grad, const torch::Tensor& weight,
                            const Window& window, const std::array<std::int64_t, 2>& size);

/// x [N, in, H, W], grad [N, out, h, w] likewise -> [out, in, kh, kw] of `type`.
torch::Tensor winograd_weight(const torch::Tensor& x, const torch::Tensor& grad,
                              const Window& window, at::ScalarType type);

}  // namespace dcgan
