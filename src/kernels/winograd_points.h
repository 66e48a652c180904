// The tiles that Winograd's convolutions cut images into, and their transforms.
#pragma once

#include <torch/torch.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "dcgan/kernels/convolution.h"
#include "winograd_tile.h"

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
  return {x.data_ptr<float>(), x.size(2), x.size(3), x.size(1)};
}

/// The tiles of all images, one after another.
struct Tiles {
  std::int64_t images;
  std::int64_t rows;     ///< of tiles in an image
  std::int64_t columns;  ///< likewise

  std::int64_t count() const { return images * rows * columns; }

  struct Place {
    std::int64_t image;
    std::int64_t row;  ///< the first of its results in each direction
    std::int64_t column;
  };
  Place place(std::int64_t tile) const {
    const std::int64_t in_image = tile % (rows * columns);
    return {tile / (rows * columns), in_image / columns * kTileOutputs,
            in_image % columns * kTileOutputs};
  }
};

inline Tiles tiles_over(std::int64_t images, std::int64_t height, std::int64_t width) {
  return {images, (height + kTileOutputs - 1) / kTileOutputs,
          (width + kTileOutputs - 1) / kTileOutputs};
}

/// Tiles [first, last).
struct TileRange {
  std::int64_t first;
  std::int64_t last;

  std::int64_t size() const { return last - first; }
};

/// 25 matrices [rows, columns], one a point, of one thread.
class Points {
 public:
  void resize(std::int64_t rows, std::int64_t columns) {
    row_ = columns + kRowPadding;
    stride_ = point_stride(round_up(rows, kRowStep) * row_);
    numbers_.resize(static_cast<std::size_t>(kPoints * stride_));
  }

  float* at(std::int64_t point, std::int64_t row, std::int64_t column) {
    return numbers_.data() + point * stride_ + row * row_ + column;
  }
  std::int64_t row() const { return row_; }        ///< numbers from one row to the next
  std::int64_t stride() const { return stride_; }  ///< numbers from one matrix to the next

 private:
  std::vector<float> numbers_;
  std::int64_t row_ = 0;
  std::int64_t stride_ = 0;
};

/// Channels [first, last).
struct ChannelRange {
  std::int64_t first;
  std::int64_t last;

  std::int64_t size() const { return last - first; }
};

/// A phase and those of its channels that are wanted.
struct InputPart {
  PhaseInputs phase;
  ChannelRange channels;
};

/// B^T d B of the tiles: the parts' channels side by side in the columns of `to`. Rows beyond the
/// last tile are 0.
void transform_inputs(const Images<const float>& x, const Tiles& tiles, const TileRange& range,
                      const std::vector<InputPart>& parts, Points& to);

/// A m A^T of the tiles of a map's gradient: the wanted channels, in the columns of `to`.
void transform_gradients(const Images<const float>& grad, const Tiles& tiles,
                         const TileRange& range, const ChannelRange& channels, Points& to);

}  // namespace dcgan
