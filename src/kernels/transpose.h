// A matrix's transpose on all threads: LibTorch's copy takes one.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <type_traits>

#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {

/// [m, n], float32 or bfloat16, contiguous -> [n, m], contiguous.
inline torch::Tensor transposed(const torch::Tensor& matrix) {
  TORCH_CHECK(matrix.dim() == 2 && matrix.is_contiguous(), "transposed() takes rows side by side");
  constexpr std::int64_t kSide = 32;  // of a block, which is read in rows and written in rows
  const std::int64_t rows = matrix.size(0);
  const std::int64_t columns = matrix.size(1);
  torch::Tensor result = torch::empty({columns, rows}, matrix.options());
  const auto transpose = [&](const auto* from, auto* to) {
    parallel_blocks((columns + kSide - 1) / kSide, [&](std::int64_t band) {
      const std::int64_t first = band * kSide;
      const std::int64_t width = std::min(kSide, columns - first);
      // Its rows have an odd length: a column would else lie in a single set of the cache.
      std::array<std::remove_cvref_t<decltype(*to)>, kSide*(kSide + 1)> block;
      for (std::int64_t row = 0; row < rows; row += kSide) {
        const std::int64_t height = std::min(kSide, rows - row);
        for (std::int64_t i = 0; i < height; ++i) {
          std::copy_n(from + (row + i) * columns + first, width, block.data() + i * (kSide + 1));
        }
        for (std::int64_t j = 0; j < width; ++j) {
          for (std::int64_t i = 0; i < height; ++i) {
            to[(first + j) * rows + row + i] = block[i * (kSide + 1) + j];
          }
        }
      }
    });
  };
  if (matrix.scalar_type() == at::kBFloat16) {
    transpose(matrix.data_ptr<at::BFloat16>(), result.data_ptr<at::BFloat16>());
  } else {
    transpose(matrix.data_ptr<float>(), result.data_ptr<float>());
  }
  return result;
}

}  // namespace dcgan
