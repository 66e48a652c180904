#include "kernels/winograd/winograd.h"

#include <algorithm>
#include <vector>

#include "kernels/channels_last.h"
#include "kernels/transpose.h"
#include "kernels/winograd/points.h"
#include "runtime/cpu.h"
#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

using Extent2 = std::array<std::int64_t, 2>;

/// Tiles that a thread transforms and multiplies at once, for itself: another core may be far from
/// its cache. Fewer where they have many channels.
constexpr std::int64_t kMaxTiles = 128;
constexpr std::int64_t kMaxTileBytes = 8 << 20;
/// Rows of the kernel's transform that are one product: they stay in the first cache.
template <typename Number>
constexpr std::int64_t kDepth = 256 * kNumbersInFloat<Number>;
/// Below this the kernel's transform takes longer than what the products save.
constexpr std::int64_t kMinTiles = 64;
/// Numbers from one point's results of a block to the next's.
constexpr std::int64_t kResultStride = (kMaxTiles + kRowStep) * kPanel + 80;

/// Where the results of Inputs go in one direction: `first + step * (4 t + i)`, as far as 4 t + i <
/// count.
struct Outputs {
  std::int64_t first;
  std::int64_t step;
  std::int64_t count;
};

/// Phase q of a convolution's reverse makes x[2 m + q - padding] = grad[m] w[q] + grad[m - 1] w[q +
/// 2], from the first m whose x is in the image.
std::int64_t first_of_phase(std::int64_t padding, std::int64_t phase) {
  return std::max<std::int64_t>(0, (padding - phase + 1) / 2);
}

Inputs data_inputs(std::int64_t map, std::int64_t padding, std::int64_t phase,
                   std::int64_t kernel) {
  return {map, first_of_phase(padding, phase) - (taps_of(kernel, phase) - 1), 1};
}

Outputs data_outputs(std::int64_t size, std::int64_t padding, std::int64_t phase) {
  const std::int64_t first = kWinogradStride * first_of_phase(padding, phase) + phase - padding;
  return {first, kWinogradStride, (size - first + 1) / kWinogradStride};
}

/// The kernel's taps as matrices [depth, channels]: those of one tap and one phase have their rows
/// `row` numbers apart and their channels side by side.
template <typename Number>
struct Taps {
  torch::Tensor memory;
  Window window;
  std::int64_t channels;
  std::int64_t depth;  ///< of one phase
  std::int64_t row;
  std::int64_t place;  ///< numbers from one place of the kernel to the next
  bool reversed;       ///< whether the later place comes with the earlier tap

  const Number* at(std::int64_t phase, std::int64_t row_tap, std::int64_t column_tap) const {
    const Extent2 taps = taps_of_phase(window, phase);
    const std::int64_t i = reversed ? taps[0] - 1 - row_tap : row_tap;
    const std::int64_t j = reversed ? taps[1] - 1 - column_tap : column_tap;
    return memory.data_ptr<Number>() + place_of_tap(window, phase, i, j) * place;
  }
};

/// A sum of two-tap correlations for each phase of the outputs.
template <typename Number>
struct Correlation {
  Tiles tiles;
  std::vector<PhaseInputs> inputs;
  std::vector<std::array<Outputs, 2>> outputs;  ///< each sees all inputs, or the one of its phase
  Taps<Number> taps;

  std::int64_t panels() const { return round_up(taps.channels, kPanel) / kPanel; }
  std::int64_t output_phases() const { return static_cast<std::int64_t>(outputs.size()); }
  std::int64_t phases_of_output() const { return kPhases / output_phases(); }
};

/// One panel of the channels of one phase of the outputs.
struct Part {
  std::int64_t phase;
  std::int64_t panel;
};

/// G's row i of the taps one above the other, of a phase's depth and a panel's channels:
/// [depth][32], for the left taps and for the right ones `to_right` numbers later.
template <typename Number>
void transform_rows(const Taps<Number>& taps, const Part& part, std::int64_t i, float* to,
                    std::int64_t to_right) {
  const std::int64_t channel = part.panel * kPanel;
  const std::int64_t channels = std::min(kPanel, taps.channels - channel);
  const Extent2 count = taps_of_phase(taps.window, part.phase);
  for (std::int64_t column = 0; column < kTaps; ++column, to += to_right) {
    if (column >= count[1]) {
      std::fill_n(to, taps.depth * kPanel, 0.0F);
      continue;
    }
    // Where there is no lower tap: the upper one for it, times 0.
    const bool both = count[0] == kTaps;
    const std::array factors{kKernelToPoints[i][0], both ? kKernelToPoints[i][1] : 0.0F};
    winograd_tile<Number>()->combine_rows(
        {taps.at(part.phase, 0, column) + channel,
         taps.at(part.phase, both ? 1 : 0, column) + channel, factors.data()},
        taps.depth, channels, taps.row, to);
  }
}

/// The products at all points: kernel and tiles, both transformed, to `results` [25][tiles][32],
/// kResultStride apart.
template <typename Number>
void multiply_part(const Correlation<Number>& sum, const Part& part, const TileRows& tiles,
                   Points<Number>& inputs, float* results) {
  const WinogradTile<Number>& tile = *winograd_tile<Number>();
  // Phases that are one product: a divisor of their number; where one has fewer taps than the
  // others, each is its own.
  const bool same_taps = sum.taps.window.kernel == Extent2{2 * kTaps, 2 * kTaps};
  std::int64_t together = same_taps ? sum.phases_of_output() : 1;
  while (together > 1 && together * sum.taps.depth > kDepth<Number>) together /= 2;
  const std::int64_t depth = together * sum.taps.depth;
  const std::int64_t numbers = depth * kPanel;
  thread_local std::vector<float> taps;
  thread_local std::vector<float> kernel;
  taps.resize(static_cast<std::size_t>(kTaps * numbers));
  kernel.resize(static_cast<std::size_t>(numbers));
  for (std::int64_t first = 0; first < sum.phases_of_output(); first += together) {
    const Extent2 count = taps_of_phase(sum.taps.window, part.phase + first);
    for (std::int64_t i = 0; i < kTilePoints; ++i) {
      for (std::int64_t k = 0; k < together; ++k) {
        transform_rows(sum.taps, {part.phase + first + k, part.panel}, i,
                       taps.data() + k * sum.taps.depth * kPanel, numbers);
      }
      for (std::int64_t j = 0; j < kTilePoints; ++j) {
        const std::int64_t point = i * kTilePoints + j;
        const Range having = tiles.having(point);
        // What the last step has too many of is no tile's, or that of one without the point.
        const std::int64_t rows = round_up(having.size(), kRowStep);
        float* const result = results + point * kResultStride + having.first * kPanel;
        if (is_empty(i, count[0]) || is_empty(j, count[1])) {
          if (first == 0) std::fill_n(result, rows * kPanel, 0.0F);
          continue;
        }
        tile.combine_kernel({taps.data(), taps.data() + numbers, kKernelToPoints[j]}, depth,
                            kernel.data());
        tile.multiply({rows, depth / kNumbersInFloat<Number>, inputs.row(), 1, kPanel, kPanel},
                      inputs.at(point, having.first, first * sum.taps.depth), kernel.data(),
                      first > 0, result);
      }
    }
  }
}

/// A^T m A of the results, to their places in `out`.
template <typename Number>
void write_part(const Correlation<Number>& sum, const Part& part, const TileRows& tiles,
                const float* results, const Images<Number>& out) {
  const auto& [rows, columns] = sum.outputs[static_cast<std::size_t>(part.phase)];
  const std::int64_t channel = part.panel * kPanel;
  const std::int64_t channels = std::min(kPanel, out.channels - channel);
  for (std::int64_t i = 0; i < tiles.size(); ++i) {
    const Tiles::Place& tile = *tiles[i];
    std::array<Number*, kTileOutputs * kTileOutputs> places{};
    for (std::size_t p = 0; p < places.size(); ++p) {
      const std::int64_t row = tile.row + static_cast<std::int64_t>(p) / kTileOutputs;
      const std::int64_t column = tile.column + static_cast<std::int64_t>(p) % kTileOutputs;
      if (row >= rows.count || column >= columns.count) continue;
      places[p] =
          out.at(tile.image, rows.first + rows.step * row, columns.first + columns.step * column) +
          channel;
    }
    winograd_tile<Number>()->transform_output[tile.cut](results + i * kPanel, kResultStride,
                                                        channels, places.data());
  }
}

/// How the work is cut up: which thread does what changes no number.
struct Blocks {
  std::int64_t ranges;  ///< of tiles
  std::int64_t splits;  ///< of the outputs' parts
};

/// As many blocks as there are threads or a multiple of it. Tiles are cut first: a cut through the
/// outputs makes two threads transform the same tiles, one through the tiles the same kernel.
template <typename Number>
Blocks cut(std::int64_t tiles, std::int64_t columns, std::int64_t parts) {
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t tile_bytes = kPoints * columns * static_cast<std::int64_t>(sizeof(Number));
  const std::int64_t most = std::clamp(kMaxTileBytes / tile_bytes, kRowStep, kMaxTiles);
  const std::int64_t fewest = (tiles + most - 1) / most;
  const std::int64_t even = round_up(fewest, threads);
  if (tiles >= even * kMinTiles) return {even, 1};
  return {fewest, std::min(parts, (threads + fewest - 1) / fewest)};
}

template <typename Number>
void correlate(const Images<const Number>& x, const Correlation<Number>& sum,
               const Images<Number>& out) {
  const std::int64_t tiles = sum.tiles.count();
  const std::int64_t panels = sum.panels();
  const std::int64_t parts = sum.output_phases() * panels;
  const std::int64_t columns = sum.phases_of_output() * x.channels;
  const Blocks blocks = cut<Number>(tiles, columns, parts);
  parallel_blocks(blocks.ranges * blocks.splits, [&](std::int64_t block) {
    const std::int64_t in_ranges = block / blocks.splits;
    const std::int64_t in_splits = block % blocks.splits;
    const TileRows rows(
        sum.tiles, {tiles * in_ranges / blocks.ranges, tiles * (in_ranges + 1) / blocks.ranges},
        /*step=*/1);
    thread_local Points<Number> inputs;
    thread_local std::vector<float> results;
    inputs.resize(rows.size(), columns, PairsOf::channels);
    results.resize(kPoints * kResultStride);
    std::int64_t transformed = -1;  // the phase of the outputs whose inputs are at hand
    for (std::int64_t i = parts * in_splits / blocks.splits;
         i < parts * (in_splits + 1) / blocks.splits; ++i) {
      const Part part{i / panels, i % panels};
      if (part.phase != transformed) {
        std::vector<InputPart> wanted;
        for (std::int64_t k = 0; k < sum.phases_of_output(); ++k) {
          wanted.push_back({sum.inputs[static_cast<std::size_t>(part.phase + k)], {0, x.channels}});
        }
        transform_inputs(x, rows, wanted, inputs);
        transformed = part.phase;
      }
      multiply_part(sum, part, rows, inputs, results.data());
      write_part(sum, part, rows, results.data(), out);
    }
  });
}

torch::Tensor empty_images(const torch::Tensor& like, std::int64_t channels, const Extent2& size) {
  return torch::empty({like.size(0), channels, size[0], size[1]}, like.options(),
                      torch::MemoryFormat::ChannelsLast);
}

template <typename Number>
torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& weight, const Window& window,
                      const Extent2& map) {
  const std::int64_t in = weight.size(1);
  const std::int64_t out = weight.size(0);
  torch::Tensor y = empty_images(x, out, map);
  const torch::Tensor by_places = transposed(as_matrix(weight));
  const Correlation<Number> sum{tiles_over(x.size(0), map[0], map[1]),
                                forward_phases(x, window),
                                {{Outputs{0, 1, map[0]}, Outputs{0, 1, map[1]}}},
                                {by_places, window, out, in, out, in * out, /*reversed=*/false}};
  correlate(images_of<const Number>(x), sum, images_of<Number>(y));
  return y;
}

template <typename Number>
torch::Tensor data(const torch::Tensor& grad, const torch::Tensor& weight, const Window& window,
                   const Extent2& size) {
  const std::int64_t in = weight.size(1);
  torch::Tensor x = empty_images(grad, in, size);
  const auto inputs = each_phase([&](std::int64_t row, std::int64_t column) {
    return PhaseInputs{data_inputs(grad.size(2), window.padding[0], row, window.kernel[0]),
                       data_inputs(grad.size(3), window.padding[1], column, window.kernel[1])};
  });
  const auto outputs = each_phase([&](std::int64_t row, std::int64_t column) {
    return std::array{data_outputs(size[0], window.padding[0], row),
                      data_outputs(size[1], window.padding[1], column)};
  });
  Extent2 most{0, 0};
  for (const auto& [rows, columns] : outputs) {
    most = {std::max(most[0], rows.count), std::max(most[1], columns.count)};
  }
  const Correlation<Number> sum{tiles_over(grad.size(0), most[0], most[1]),
                                inputs,
                                outputs,
                                {channels_last(weight), window, in, weight.size(0),
                                 window.kernel[0] * window.kernel[1] * in, in, /*reversed=*/true}};
  correlate(images_of<const Number>(grad), sum, images_of<Number>(x));
  return x;
}

}  // namespace

bool takes_winograd(Product product, const torch::Tensor& weight, const Window& window,
                    const Extent2& map, std::int64_t images) {
  const bool bfloat16 = weight.scalar_type() == at::kBFloat16;
  if (weight.scalar_type() != at::kFloat && !(bfloat16 && multiplies_only_vectors_of_bfloat16()))
    return false;
  const auto fits = [](std::int64_t kernel) { return kernel == 3 || kernel == 4; };
  if (!fits(window.kernel[0]) || !fits(window.kernel[1]) ||
      window.stride != Extent2{kWinogradStride, kWinogradStride} || weight.size(0) % kLanes != 0 ||
      weight.size(1) % kLanes != 0 || std::min(weight.size(0), weight.size(1)) < kPanel) {
    return false;
  }
  // A kernel of 3x3 saves less. In bfloat16, where a multiplication costs half as much, that does
  // not pay for the transforms but where oneDNN is slow.
  if (bfloat16 && product != Product::data && window.kernel != Extent2{4, 4}) return false;
  const Tiles tiles = tiles_over(images, map[0], map[1]);
  const std::int64_t results = images * map[0] * map[1];
  return tiles.count() >= kMinTiles &&
         10 * results >= 7 * tiles.count() * kTileOutputs * kTileOutputs;
}

torch::Tensor winograd_forward(const torch::Tensor& x, const torch::Tensor& weight,
                               const Window& window, const Extent2& map) {
  if (x.scalar_type() == at::kBFloat16) return forward<at::BFloat16>(x, weight, window, map);
  return forward<float>(x, weight, window, map);
}

torch::Tensor winograd_data(const torch::Tensor& grad, const torch::Tensor& weight,
                            const Window& window, const Extent2& size) {
  if (grad.scalar_type() == at::kBFloat16) return data<at::BFloat16>(grad, weight, window, size);
  return data<float>(grad, weight, window, size);
}

}  // namespace dcgan
