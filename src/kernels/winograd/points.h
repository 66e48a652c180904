// The tiles that Winograd's convolutions cut images into, and their transforms.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <type_traits>
#include <vector>

#include "kernels/convolution.h"
#include "kernels/winograd/tile.h"
#include "runtime/torch.h"

namespace dcgan {

constexpr std::int64_t kWinogradStride = 2;
/// Parities of (row, column), row by row.
constexpr std::int64_t kPhases = kWinogradStride * kWinogradStride;
/// Between two rows of a matrix, so that the rows of a tile don't fall on one place of the cache.
constexpr std::int64_t kRowPadding = 16;

inline std::int64_t round_up(std::int64_t number, std::int64_t step) {
  return (number + step - 1) / step * step;
}

/// From one point's matrix to the next: a tile is read and written at all points at once, which
/// therefore must not fall on one place of the cache either.
inline std::int64_t point_stride(std::int64_t numbers) { return round_up(numbers, 1024) + 80; }

/// One direction of one phase: result i of tile t is the sum over the taps k of input
/// `first + step * (4 t + i + k)`, 0 outside of [0, size).
struct Inputs {
  std::int64_t size;
  std::int64_t first;
  std::int64_t step;
};

/// A phase's inputs in both directions.
struct PhaseInputs {
  Inputs rows;
  Inputs columns;
};

/// Each of the four phases, with what `make` gives for its parities of rows and of columns.
template <typename Make>
auto each_phase(const Make& make) {
  std::vector<decltype(make(0, 0))> made;
  for (std::int64_t phase = 0; phase < kPhases; ++phase) {
    made.push_back(make(phase / kWinogradStride, phase % kWinogradStride));
  }
  return made;
}

/// How many taps of a kernel with `size` places a phase has: 4 places are two in each, 3 are two
/// and one.
inline std::int64_t taps_of(std::int64_t size, std::int64_t phase) {
  return (size - phase + 1) / 2;
}

/// The same in both directions.
inline std::array<std::int64_t, 2> taps_of_phase(const Window& window, std::int64_t phase) {
  return {taps_of(window.kernel[0], phase / kWinogradStride),
          taps_of(window.kernel[1], phase % kWinogradStride)};
}

/// The kernel's place, row by row, of a phase's tap (row, column).
inline std::int64_t place_of_tap(const Window& window, std::int64_t phase, std::int64_t row,
                                 std::int64_t column) {
  return (kWinogradStride * row + phase / kWinogradStride) * window.kernel[1] +
         kWinogradStride * column + phase % kWinogradStride;
}

/// Whether the tile's point i in one direction gets nothing of a phase: the last one has only what
/// the second tap gives.
inline bool is_empty(std::int64_t point, std::int64_t taps) {
  return point == kTilePoints - 1 && taps < kTaps;
}

/// The phases of a convolution of an image x: q sees x[2 i + q - padding + 2 k].
std::vector<PhaseInputs> forward_phases(const torch::Tensor& x, const Window& window);

/// Images [N, H, W, C] in memory.
template <typename Number>
struct Images {
  Number* data;
  std::int64_t height;
  std::int64_t width;
  std::int64_t channels;

  Number* at(std::int64_t image, std::int64_t row, std::int64_t column) const {
    return data + ((image * height + row) * width + column) * channels;
  }
};

template <typename Number>
Images<Number> images_of(const torch::Tensor& x) {
  return {x.data_ptr<std::remove_const_t<Number>>(), x.size(2), x.size(3), x.size(1)};
}

/// The tiles of all images, one after another.
struct Tiles {
  std::int64_t images;
  std::int64_t rows;     ///< of tiles in an image
  std::int64_t columns;  ///< likewise
  Cut cut;               ///< whether the last row, or column, of tiles has three results

  std::int64_t count() const { return images * rows * columns; }

  struct Place {
    std::int64_t image;
    std::int64_t row;  ///< the first of its results in each direction
    std::int64_t column;
    Cut cut;
  };
  Place place(std::int64_t tile) const {
    const std::int64_t row = tile % (rows * columns) / columns;
    const std::int64_t column = tile % columns;
    return {tile / (rows * columns),
            row * kTileOutputs,
            column * kTileOutputs,
            {cut.rows && row == rows - 1, cut.columns && column == columns - 1}};
  }
};

inline Tiles tiles_over(std::int64_t images, std::int64_t height, std::int64_t width) {
  return {images,
          (height + kTileOutputs - 1) / kTileOutputs,
          (width + kTileOutputs - 1) / kTileOutputs,
          {height % kTileOutputs == kTileOutputs - 1, width % kTileOutputs == kTileOutputs - 1}};
}

/// Rows or channels [first, last).
struct Range {
  std::int64_t first;
  std::int64_t last;

  std::int64_t size() const { return last - first; }
};

/// Some tiles as the rows of the points' matrices: in such an order that those which have a point
/// are side by side.
class TileRows {
 public:
  /// Tiles [first, last). Each kind starts at a multiple of `step` rows; no tile is between.
  TileRows(const Tiles& tiles, const Range& range, std::int64_t step);

  std::int64_t size() const { return static_cast<std::int64_t>(rows_.size()); }
  const std::optional<Tiles::Place>& operator[](std::int64_t row) const {
    return rows_[static_cast<std::size_t>(row)];
  }
  /// The rows that have a point.
  Range having(std::int64_t point) const;

 private:
  /// Kinds in their order: cut in their columns, not at all, in their rows, in both.
  std::array<std::int64_t, 5> starts_{};
  std::vector<std::optional<Tiles::Place>> rows_;
};

/// What two numbers of bfloat16 are a pair of; a product is a sum over these.
enum class PairsOf { channels, tiles };

/// 25 matrices [tiles, channels], one a point, of one thread.
template <typename Number>
class Points {
 public:
  /// As many rows more are readable as a product may read beyond the last.
  void resize(std::int64_t rows, std::int64_t channels, PairsOf pairs) {
    pairs_ = pairs;
    row_ = channels / (pairs == PairsOf::channels ? kTogether : 1) + kRowPadding;
    stride_ = point_stride((rows / (pairs == PairsOf::tiles ? kTogether : 1) + kRowStep) * row_);
    numbers_.resize(static_cast<std::size_t>(kPoints * stride_));
  }

  /// Where a number is, or its pair.
  float* at(std::int64_t point, std::int64_t row, std::int64_t channel) {
    const bool of_channels = pairs_ == PairsOf::channels;
    return numbers_.data() + point * stride_ + row / (of_channels ? 1 : kTogether) * row_ +
           channel / (of_channels ? kTogether : 1);
  }
  Pairing pairing(std::int64_t row) const {
    if (kTogether == 1) return Pairing::none;
    if (pairs_ == PairsOf::channels) return Pairing::channels;
    return row % kTogether == 0 ? Pairing::first_tile : Pairing::second_tile;
  }
  std::int64_t row() const { return row_; }        ///< floats from one row to the next
  std::int64_t stride() const { return stride_; }  ///< floats from one matrix to the next

 private:
  static constexpr std::int64_t kTogether = kNumbersInFloat<Number>;

  std::vector<float> numbers_;
  PairsOf pairs_ = PairsOf::channels;
  std::int64_t row_ = 0;
  std::int64_t stride_ = 0;
};

/// A phase and those of its channels that are wanted.
struct InputPart {
  PhaseInputs phase;
  Range channels;
};

/// B^T d B of the tiles: the parts' channels side by side in the columns of `to`.
template <typename Number>
void transform_inputs(const Images<const Number>& x, const TileRows& tiles,
                      const std::vector<InputPart>& parts, Points<Number>& to);

/// A m A^T of the tiles of a map's gradient: the wanted channels, in the columns of `to`.
template <typename Number>
void transform_gradients(const Images<const Number>& grad, const TileRows& tiles,
                         const Range& channels, Points<Number>& to);

}  // namespace dcgan
