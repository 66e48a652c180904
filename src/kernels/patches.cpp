#include <algorithm>
#include <cstddef>
#include <cstring>

#include "kernels/channels_last.h"
#include "kernels/convolution.h"
#include "runtime/parallel.h"
#include "runtime/torch.h"

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

/// std::memcpy, without a call for the shortest rows: a patch's of an image of few channels.
inline void copy_bytes(std::byte* to, const std::byte* from, std::int64_t count) {
  switch (count) {
    case 8:
      std::memcpy(to, from, 8);
      return;
    case 16:
      std::memcpy(to, from, 16);
      return;
    default:
      std::memcpy(to, from, static_cast<std::size_t>(count));
  }
}

/// One image's part of unfold_patches(), in bytes: `pixel` of them a place of the image.
void unfold_image(const std::byte* image, const Window& window,
                  const std::array<std::int64_t, 2>& map, const std::array<std::int64_t, 2>& size,
                  std::int64_t pixel, std::byte* patches) {
  const auto [height, width] = size;
  const auto [kernel_height, kernel_width] = window.kernel;
  const std::int64_t patch_row = kernel_width * pixel;
  for (std::int64_t i = 0; i < map[0]; ++i) {
    const std::int64_t top = i * window.stride[0] - window.padding[0];
    for (std::int64_t j = 0; j < map[1]; ++j) {
      const std::int64_t left = j * window.stride[1] - window.padding[1];
      const std::int64_t from = std::max<std::int64_t>(0, -left) * pixel;
      const std::int64_t to = std::min(kernel_width, width - left) * pixel;
      for (std::int64_t k = 0; k < kernel_height; ++k, patches += patch_row) {
        const std::int64_t row = top + k;
        if (row < 0 || row >= height) {
          std::memset(patches, 0, static_cast<std::size_t>(patch_row));
          continue;
        }
        if (from > 0) std::memset(patches, 0, static_cast<std::size_t>(from));
        copy_bytes(patches + from, image + (row * width + left) * pixel + from, to - from);
        if (to < patch_row) std::memset(patches + to, 0, static_cast<std::size_t>(patch_row - to));
      }
    }
  }
}

}  // namespace

torch::Tensor unfold_patches(const torch::Tensor& images, const Window& window,
                             std::array<std::int64_t, 2> map) {
  const torch::Tensor x = channels_last(images);
  const std::int64_t count = x.size(0);
  const std::int64_t channels = x.size(1);
  const std::array<std::int64_t, 2> size{x.size(2), x.size(3)};
  torch::Tensor patches = torch::empty(
      {count, map[0], map[1], window.kernel[0], window.kernel[1], channels}, x.options());
  const auto bytes = static_cast<std::int64_t>(x.element_size());
  const std::int64_t in_size = x.numel() / count * bytes;
  const std::int64_t out_size = patches.numel() / count * bytes;
  const auto* const in = static_cast<const std::byte*>(x.data_ptr());
  auto* const out = static_cast<std::byte*>(patches.data_ptr());
  parallel_blocks(count, [&](std::int64_t image) {
    unfold_image(in + image * in_size, window, map, size, channels * bytes, out + image * out_size);
  });
  return patches;
}

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
