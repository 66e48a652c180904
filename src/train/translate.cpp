#include "dcgan/train/translate.h"

#include <torch/torch.h>

#include "dcgan/data/random.h"

namespace dcgan {
namespace {

/// Where in its image with a frame `limit` wide each pixel of a moved image was: int64
/// [B, 1, H * W], of places in rows of W + 2 * limit.
torch::Tensor sources(const torch::Tensor& moves, std::int64_t height, std::int64_t width,
                      std::int64_t limit) {
  const auto places = [&](std::int64_t column, std::int64_t size) {
    return torch::arange(size, moves.options()) + limit - moves.select(1, column).unsqueeze(1);
  };
  const torch::Tensor rows = places(0, height).unsqueeze(2);    // [B, H, 1]
  const torch::Tensor columns = places(1, width).unsqueeze(1);  // [B, 1, W]
  return (rows * (width + 2 * limit) + columns).flatten(1).unsqueeze(1);
}

/// A move's gradient is the move back, with zeros coming in.
class Translate : public torch::autograd::Function<Translate> {
 public:
  static torch::Tensor forward(torch::autograd::AutogradContext* context,
                               const torch::Tensor& images, const torch::Tensor& moves,
                               std::int64_t limit, double outside) {
    context->save_for_backward({moves});
    context->saved_data["limit"] = limit;
    const std::int64_t channels = images.size(1);
    const torch::Tensor framed =
        torch::constant_pad_nd(images, {limit, limit, limit, limit}, outside).flatten(2);
    return framed
        .gather(2, sources(moves, images.size(2), images.size(3), limit).expand({-1, channels, -1}))
        .view(images.sizes());
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 torch::autograd::variable_list grads) {
    const torch::Tensor moves = context->get_saved_variables()[0];
    const std::int64_t limit = context->saved_data["limit"].toInt();
    return {translate(grads[0], -moves, limit, 0), {}, {}, {}};
  }
};

}  // namespace

Translations draw_translations(std::int64_t seed, std::int64_t first, std::int64_t count,
                               std::int64_t limit, torch::Device device) {
  // In [0, 1), for each image three times down and right.
  const torch::Tensor numbers =
      (uniform_rows(seed, Purpose::translation, first, count, 6).view({count, 3, 2}) + 1) / 2;
  const torch::Tensor moves =
      ((numbers * static_cast<double>(2 * limit + 1)).floor().to(torch::kInt64) - limit).to(device);
  return {moves.select(1, 0), moves.select(1, 1), moves.select(1, 2)};
}

torch::Tensor translate(const torch::Tensor& images, const torch::Tensor& moves, std::int64_t limit,
                        double outside) {
  TORCH_CHECK(moves.size(0) == images.size(0), "each image needs a move of its own");
  return Translate::apply(images, moves, limit, outside);
}

}  // namespace dcgan
