#include "evaluate/spectrum.h"

#include <algorithm>

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// uint8 [N, C, H, W] -> float64 [N, H, W], each side even, each image's mean 0.
torch::Tensor grey_of_even_sides(const torch::Tensor& images) {
  const torch::Tensor even = images.narrow(2, 0, images.size(2) / 2 * 2)
                                 .narrow(3, 0, images.size(3) / 2 * 2)
                                 .to(torch::kFloat64);
  const torch::Tensor grey =
      images.size(1) == 1
          ? even.select(1, 0)
          : 0.299 * even.select(1, 0) + 0.587 * even.select(1, 1) + 0.114 * even.select(1, 2);
  return grey - grey.mean({1, 2}, /*keepdim=*/true);
}

/// 1, -1, 1, -1, ...
torch::Tensor alternating(std::int64_t size) {
  return 1 - 2 * torch::arange(size).remainder(2).to(torch::kFloat64);
}

}  // namespace

torch::Tensor period_two_shares(const torch::Tensor& images) {
  constexpr std::int64_t kBatch = 500;
  std::vector<torch::Tensor> shares;
  for (const torch::Tensor& batch : images.split(kBatch)) {
    const torch::Tensor grey = grey_of_even_sides(batch);
    const std::int64_t height = grey.size(1);
    const std::int64_t width = grey.size(2);
    // At that frequency the DFT of a row or column is its alternating sum. By Parseval's theorem
    // the energy over all frequencies of an axis is its length times that of the numbers.
    const torch::Tensor down = (grey * alternating(height).view({-1, 1})).sum(1);  // [N, W]
    const torch::Tensor across = (grey * alternating(width)).sum(2);               // [N, H]
    const torch::Tensor both = (down * alternating(width)).sum(1);                 // [N]
    const torch::Tensor energy = static_cast<double>(width) * down.square().sum(1) +
                                 static_cast<double>(height) * across.square().sum(1) -
                                 both.square();  // the corner lies in the row and in the column
    const torch::Tensor all = static_cast<double>(height * width) * grey.square().sum({1, 2});
    constexpr double kRounding = 1e-6;  // a pixel's step of one is a hundredth at least
    shares.push_back(torch::where(all > kRounding, energy / all, torch::zeros_like(all)));
  }
  return torch::cat(shares);
}

}  // namespace dcgan
