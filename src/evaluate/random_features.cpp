#include "evaluate/random_features.h"

#include <cmath>

#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {

Network make_random_features(torch::Device device) {
  constexpr std::int64_t kSide = 64;
  constexpr std::int64_t kSeed = 1;
  const torch::NoGradGuard no_grad;
  Network network =
      make_classifier({3, kSide, kSide}, /*classes=*/2, /*folded=*/true, torch::kCPU).body;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    Layer& layer = network.layers[i];
    const std::int64_t count = layer.weight.numel();
    const double fan_in = static_cast<double>(count) / static_cast<double>(layer.weight.size(0));
    const torch::Tensor row =
        uniform_rows(kSeed, Purpose::random_features, static_cast<std::int64_t>(i), 1, count);
    layer.weight.copy_(row.view(layer.weight.sizes()).mul(std::sqrt(6.0 / fan_in)));
    layer.bias.zero_();
  }
  return copy_to(network, device);
}

}  // namespace dcgan
