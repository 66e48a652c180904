#include <torch/torch.h>

#include <algorithm>

#include "dcgan/kernels/convolution.h"
#include "dcgan/kernels/parallel.h"

namespace dcgan {
namespace {

/// One image's part of fold_patches(). A row of a patch lies in one piece in both.
void fold_image(const float* patches, const Window& window, const std::array<std::int64_t, 2>& map,
                const std::array<std::int64_t, 2>& size, std::int64_t channels, float* image) {
  const auto [height, width] = size;
  const auto [kernel_height, kernel_width] = window.kernel;
  const std::int64_t patch_row = kernel_width * channels;
  std::fill_n(image, height * width * channels, 0.0F);
  for (std::int64_t i = 0; i < map[0]; ++i) {
    const std::int64_t top = i * window.stride[0] - window.padding[0];
    for (std::int64_t j = 0; j < map[1]; ++j, patches += kernel_height * patch_row) {
      const std::int64_t left = j * window.stride[1] - window.padding[1];
      const std::int64_t from = std::max<std::int64_t>(0, -left) * channels;
      const std::int64_t to = std::min(kernel_width, width - left) * channels;
      for (std::int64_t k = std::max<std::int64_t>(0, -top);
           k < std::min(kernel_height, height - top); ++k) {
        float* const row = image + ((top + k) * width + left) * channels;
        const float* const added = patches + k * patch_row;
        for (std::int64_t at = from; at < to; ++at) row[at] += added[at];
      }
    }
  }
}

}  // namespace

torch::Tensor fold_patches(const torch::Tensor& patches, const Window& window,
                           std::array<std::int64_t, 2> output_size) {
  const std::int64_t images = patches.size(0);
  const std::int64_t channels = patches.size(5);
  const std::array<std::int64_t, 2> map{patches.size(1), patches.size(2)};
  torch::Tensor folded = torch::empty({images, output_size[0], output_size[1], channels});
  const std::int64_t in_size = patches.numel() / images;
  const std::int64_t out_size = folded.numel() / images;
  const float* const in = patches.data_ptr<float>();
  float* const out = folded.data_ptr<float>();
  parallel_blocks(images, [&](std::int64_t image) {
    fold_image(in + image * in_size, window, map, output_size, channels, out + image * out_size);
  });
  return folded;
}

}  // namespace dcgan
