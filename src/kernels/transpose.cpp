#include "kernels/transpose.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "runtime/parallel.h"

namespace dcgan {
namespace {

/// Rows and columns of a block, which is read in rows and written in rows.
constexpr std::int64_t kSide = 32;
/// From one row of a block to the next: odd, or a column would lie in a single set of the cache.
constexpr std::int64_t kStride = kSide + 1;

template <typename Number>
void transpose_block(const Number* from, std::int64_t from_row, std::int64_t rows,
                     std::int64_t columns, Number* to, std::int64_t to_row) {
  std::array<Number, kSide * kStride> block;
  for (std::int64_t i = 0; i < rows; ++i) {
    std::copy_n(from + i * from_row, columns, block.data() + i * kStride);
  }
  for (std::int64_t j = 0; j < columns; ++j) {
    for (std::int64_t i = 0; i < rows; ++i) to[j * to_row + i] = block[i * kStride + j];
  }
}

template <typename Number>
void transpose(const torch::Tensor& matrix, const torch::Tensor& result) {
  const std::int64_t rows = matrix.size(0);
  const std::int64_t columns = matrix.size(1);
  const Number* const from = matrix.data_ptr<Number>();
  Number* const to = result.data_ptr<Number>();
  const std::int64_t bands = (columns + kSide - 1) / kSide;  // of columns: the result's rows
  parallel_blocks(bands, [&](std::int64_t band) {
    const std::int64_t column = band * kSide;
    for (std::int64_t row = 0; row < rows; row += kSide) {
      transpose_block(from + row * columns + column, columns, std::min(kSide, rows - row),
                      std::min(kSide, columns - column), to + column * rows + row, rows);
    }
  });
}

}  // namespace

torch::Tensor transposed(const torch::Tensor& matrix) {
  TORCH_CHECK(matrix.dim() == 2 && matrix.is_contiguous(), "transposed() takes rows side by side");
  torch::Tensor result = torch::empty({matrix.size(1), matrix.size(0)}, matrix.options());
  if (matrix.scalar_type() == at::kBFloat16) {
    transpose<at::BFloat16>(matrix, result);
  } else {
    transpose<float>(matrix, result);
  }
  return result;
}

}  // namespace dcgan
