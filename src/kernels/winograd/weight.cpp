#include <algorithm>
#include <vector>

#include "kernels/channels_last.h"
#include "kernels/transpose.h"
#include "kernels/winograd/points.h"
#include "kernels/winograd/winograd.h"
#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Tiles at once, and inputs and outputs of a block's sums: all of it stays in a core's second
/// cache.
constexpr std::int64_t kWeightTiles = 64;
constexpr std::int64_t kMaxOutputs = 128;
constexpr std::int64_t kMaxInputs = 128;

/// What one thread sums up: at every point a matrix [inputs, outputs].
struct Block {
  std::int64_t first_phase;
  std::vector<InputPart> inputs;  ///< of this phase and those that follow
  Range outputs;

  const Range& channels() const { return inputs.front().channels; }  ///< of every phase
  std::int64_t phases() const { return static_cast<std::int64_t>(inputs.size()); }
  std::int64_t rows() const { return phases() * channels().size(); }
  std::int64_t panels() const { return round_up(outputs.size(), kPanel) / kPanel; }
  std::int64_t point_stride() const { return dcgan::point_stride(panels() * rows() * kPanel); }
};

/// All of [phase][channel] x outputs, in blocks.
std::vector<Block> cut(const std::vector<PhaseInputs>& phases, std::int64_t in, std::int64_t out) {
  std::vector<Block> blocks;
  // Small phases go together, so that the gradient's tiles are transformed less often.
  const std::int64_t together = std::clamp<std::int64_t>(kMaxInputs / in, 1, kPhases / 2);
  const std::int64_t most = std::min(in, kMaxInputs);
  for (std::int64_t phase = 0; phase < kPhases; phase += together) {
    for (std::int64_t channel = 0; channel < in; channel += most) {
      for (std::int64_t output = 0; output < out; output += kMaxOutputs) {
        Block block{phase, {}, {output, std::min(out, output + kMaxOutputs)}};
        for (std::int64_t k = 0; k < together; ++k) {
          block.inputs.push_back({phases[static_cast<std::size_t>(phase + k)],
                                  {channel, std::min(in, channel + most)}});
        }
        blocks.push_back(block);
      }
    }
  }
  return blocks;
}

/// Adds the products of some tiles to `sums` [25][panel][rows][32], point_stride() apart.
template <typename Number>
void add_products(const Block& block, const Window& window, const TileRows& tiles, bool first,
                  Points<Number>& inputs, Points<Number>& gradients, float* sums) {
  const std::int64_t rows = block.rows();
  // No later phase of the block has more.
  const std::array taps = taps_of_phase(window, block.first_phase);
  for (std::int64_t point = 0; point < kPoints; ++point) {
    if (is_empty(point / kTilePoints, taps[0]) || is_empty(point % kTilePoints, taps[1])) continue;
    const Range having = tiles.having(point);
    const std::int64_t depth = having.size() / kNumbersInFloat<Number>;
    for (std::int64_t panel = 0; panel < block.panels(); ++panel) {
      winograd_tile<Number>()->multiply(
          {rows, depth, 1, inputs.row(), gradients.row(), kPanel},
          inputs.at(point, having.first, 0), gradients.at(point, having.first, panel * kPanel),
          !first, sums + point * block.point_stride() + panel * rows * kPanel);
    }
  }
}

/// G^T s G of the sums: `to` [place of the kernel][input][output].
void write_taps(const Block& block, const Window& window, const float* sums, std::int64_t in,
                std::int64_t out, float* to) {
  std::int64_t row = 0;
  for (std::int64_t phase = block.first_phase; phase < block.first_phase + block.phases();
       ++phase) {
    const std::array taps = taps_of_phase(window, phase);
    for (std::int64_t c = block.channels().first; c < block.channels().last; ++c, ++row) {
      for (std::int64_t panel = 0; panel < block.panels(); ++panel) {
        const std::int64_t output = block.outputs.first + panel * kPanel;
        std::array<float*, kTaps * kTaps> places{};
        for (std::int64_t tap = 0; tap < kTaps * kTaps; ++tap) {
          const std::int64_t i = tap / kTaps;
          const std::int64_t j = tap % kTaps;
          if (i >= taps[0] || j >= taps[1]) continue;
          places[static_cast<std::size_t>(tap)] =
              to + (place_of_tap(window, phase, i, j) * in + c) * out + output;
        }
        winograd_tile<float>()->transform_sums(
            sums + (panel * block.rows() + row) * kPanel, block.point_stride(),
            std::min(kPanel, block.outputs.last - output), places.data());
      }
    }
  }
}

template <typename Number>
torch::Tensor weight_sum(const torch::Tensor& x, const torch::Tensor& grad, const Window& window,
                         at::ScalarType type) {
  const std::int64_t in = x.size(1);
  const std::int64_t out = grad.size(1);
  const auto images = images_of<const Number>(x);
  const auto gradient_images = images_of<const Number>(grad);
  const Tiles tiles = tiles_over(x.size(0), grad.size(2), grad.size(3));
  const std::vector<Block> blocks = cut(forward_phases(x, window), in, out);
  const auto [height, width] = window.kernel;
  torch::Tensor taps = torch::empty({height * width * in, out});
  parallel_blocks(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t index) {
    const Block& block = blocks[static_cast<std::size_t>(index)];
    thread_local Points<Number> inputs;
    thread_local Points<Number> gradients;
    thread_local std::vector<float> sums;
    sums.resize(static_cast<std::size_t>(kPoints * block.point_stride()));
    for (std::int64_t first = 0; first < tiles.count(); first += kWeightTiles) {
      const TileRows rows(tiles, {first, std::min(tiles.count(), first + kWeightTiles)},
                          kNumbersInFloat<Number>);
      inputs.resize(rows.size(), block.rows(), PairsOf::tiles);
      gradients.resize(rows.size(), block.panels() * kPanel, PairsOf::tiles);
      transform_inputs(images, rows, block.inputs, inputs);
      transform_gradients(gradient_images, rows, block.outputs, gradients);
      add_products(block, window, rows, first == 0, inputs, gradients, sums.data());
    }
    write_taps(block, window, sums.data(), in, out, taps.data_ptr<float>());
  });
  return from_matrix(transposed(taps.to(type)), in, window.kernel);
}

}  // namespace

torch::Tensor winograd_weight(const torch::Tensor& x, const torch::Tensor& grad,
                              const Window& window, at::ScalarType type) {
  if (x.scalar_type() == at::kBFloat16) return weight_sum<at::BFloat16>(x, grad, window, type);
  return weight_sum<float>(x, grad, window, type);
}

}  // namespace dcgan
