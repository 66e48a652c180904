#include "model/init.h"

#include "runtime/torch.h"

namespace dcgan {

void initialise(Network& network, std::int64_t seed, Purpose purpose, double deviation) {
  const torch::NoGradGuard no_grad;
  const auto draw = [&](const torch::Tensor& tensor, std::int64_t stream, double mean) {
    const auto row = normal_rows(seed, purpose, stream, 1, tensor.numel()).view(tensor.sizes());
    tensor.copy_(row.mul(deviation).add_(mean));
  };
  std::int64_t stream = 0;
  for (Layer& layer : network.layers) {
    draw(layer.weight, stream++, 0.0);
    if (layer.plan.batch_norm) draw(layer.norm_scale, stream, 1.0);
    ++stream;  // a layer without BatchNorm keeps its place, so that the next one does not move
    if (layer.plan.bias) layer.bias.zero_();
    if (!layer.plan.batch_norm) continue;
    layer.norm_shift.zero_();
    layer.running_mean.zero_();
    layer.running_var.fill_(1.0);
  }
}

}  // namespace dcgan
