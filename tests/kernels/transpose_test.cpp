#include "kernels/transpose.h"

#include <gtest/gtest.h>

namespace dcgan {
namespace {

TEST(Transposed, IsLibTorchsBitForBit) {
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    for (const std::int64_t rows : {1, 31, 33, 128}) {
      for (const std::int64_t columns : {1, 32, 33, 300}) {
        const torch::Tensor matrix = torch::randn({rows, columns}).to(type);
        const torch::Tensor result = transposed(matrix);
        EXPECT_TRUE(result.is_contiguous());
        EXPECT_TRUE(torch::equal(result, matrix.t())) << rows << " x " << columns << ", " << type;
      }
    }
  }
}

}  // namespace
}  // namespace dcgan
