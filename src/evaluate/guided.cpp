#include "evaluate/guided.h"

#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <vector>

#include "evaluate/features.h"
#include "evaluate/probe.h"
#include "model/forward.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kGap = 2;     ///< pixels around a picture
constexpr std::uint8_t kGrey = 128;  ///< between pictures, and a gradient of 0

Network hidden_layers(Network discriminator) {
  discriminator.layers.pop_back();
  return discriminator;
}

/// What its gradient is taken of: a LeakyReLU passes none where a ReLU passes none.
Layer guided(Layer layer) {
  if (layer.plan.nonlinearity == Nonlinearity::leaky_relu) {
    layer.plan.nonlinearity = Nonlinearity::relu;
  }
  return layer;
}

/// float32 [U, K, C, H, W] -> uint8, each picture scaled by its largest number.
torch::Tensor to_pictures(const torch::Tensor& gradients) {
  const torch::Tensor largest = gradients.abs().amax({2, 3, 4}, /*keepdim=*/true).clamp_min(1e-30);
  return (gradients / largest * 127 + kGrey).round().to(torch::kUInt8);
}

/// uint8 [U, K, C, H, W] -> [C, U * (H + 2 gap), K * (W + 2 gap)].
torch::Tensor sheet_of(const torch::Tensor& pictures) {
  const torch::Tensor framed =
      torch::constant_pad_nd(pictures, {kGap, kGap, kGap, kGap}, kGrey).permute({2, 0, 3, 1, 4});
  return framed.flatten(3, 4).flatten(1, 2);
}

/// Images, float32 in [-1, 1], and beside them their gradients.
torch::Tensor draw_half(const Network& discriminator, const torch::Tensor& images) {
  constexpr std::int64_t kUnits = 8;
  constexpr std::int64_t kEach = 6;
  constexpr std::int64_t kClearSide = 48;  // of a picture; smaller ones are enlarged
  const StrongUnits units = find_strong_units(discriminator, images, kUnits, kEach);
  const torch::Tensor chosen = images.index_select(0, units.images.flatten());
  const torch::Tensor channels = units.channels.unsqueeze(1).expand_as(units.images).flatten();
  const torch::Tensor gradients =
      guided_gradient(discriminator, chosen, channels, units.positions.flatten());
  const std::int64_t side = std::max(images.size(2), images.size(3));
  const std::int64_t factor = (kClearSide + side - 1) / side;
  std::vector<torch::Tensor> sheets;
  for (const torch::Tensor& each : {((chosen + 1) * 127.5).round().to(torch::kUInt8), gradients}) {
    const torch::Tensor rows =
        each.repeat_interleave(factor, 2).repeat_interleave(factor, 3).unflatten(
            0, {units.images.size(0), units.images.size(1)});
    sheets.push_back(sheet_of(rows.is_floating_point() ? to_pictures(rows) : rows));
  }
  return torch::cat(sheets, /*dim=*/2);
}

}  // namespace

StrongUnits find_strong_units(const Network& discriminator, const torch::Tensor& images,
                              std::int64_t units, std::int64_t each) {
  constexpr std::int64_t kBatch = 250;
  const torch::NoGradGuard no_grad;
  const Network hidden = hidden_layers(discriminator);
  std::vector<torch::Tensor> largest;
  std::vector<torch::Tensor> positions;
  for (const torch::Tensor& batch : images.split(kBatch)) {
    const torch::Tensor maps = forward(hidden, batch, Mode::eval).contiguous().flatten(2);
    auto [values, indices] = maps.max(2);  // [N, channels]
    largest.push_back(values);
    positions.push_back(indices);
  }
  const torch::Tensor responses = torch::cat(largest).t();  // [channels, N]
  const auto [values, rows] = responses.topk(std::min(each, responses.size(1)), 1);
  const torch::Tensor channels =
      std::get<1>(values.select(1, 0).topk(std::min(units, responses.size(0))));
  const torch::Tensor chosen = rows.index_select(0, channels);  // [U, K]
  const torch::Tensor where = torch::cat(positions).t().index_select(0, channels);
  return {channels, chosen, where.gather(1, chosen)};
}

torch::Tensor guided_gradient(const Network& discriminator, const torch::Tensor& images,
                              const torch::Tensor& channels, const torch::Tensor& positions) {
  const torch::AutoGradMode grad(true);
  const Network hidden = hidden_layers(discriminator);
  std::vector<torch::Tensor> inputs;
  torch::Tensor x = images;
  for (const Layer& layer : hidden.layers) {
    inputs.push_back(x);
    x = forward_layer(layer, x, Mode::eval).detach();
  }
  const std::int64_t area = x.size(2) * x.size(3);
  torch::Tensor gradient = torch::zeros({x.size(0), x.size(1) * area}, x.options());
  gradient.scatter_(1, (channels * area + positions).unsqueeze(1), 1.0);
  gradient = gradient.view(x.sizes());
  for (std::size_t i = hidden.layers.size(); i-- > 0;) {
    const torch::Tensor input = inputs[i].detach().requires_grad_(true);
    const torch::Tensor output = forward_layer(guided(hidden.layers[i]), input, Mode::eval);
    gradient = torch::autograd::grad({output}, {input}, {gradient.clamp_min(0)})[0];
  }
  return gradient;
}

torch::Tensor draw_strong_units(const Network& discriminator, const Config& config,
                                const torch::Tensor& images) {
  constexpr std::int64_t kSeed = 1;
  constexpr std::int64_t kBetweenHalves = 12;
  const Network random = with_random_weights(discriminator, config, images, kSeed);
  const torch::Tensor numbers = to_unit_range(images, images.device());
  const torch::Tensor left = draw_half(discriminator, numbers);
  const torch::Tensor gap =
      torch::full({left.size(0), left.size(1), kBetweenHalves}, 255, left.options());
  return torch::cat({left, gap, draw_half(random, numbers)}, /*dim=*/2);
}

}  // namespace dcgan
