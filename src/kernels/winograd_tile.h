// What Winograd's convolutions do with one tile and one block of channels: the loops that take the
// time, made for each kind of CPU. winograd.cpp says what they are for.
#pragma once

#include <cstdint>
#include <vector>

namespace dcgan {

constexpr std::int64_t kTileOutputs = 4;  ///< results of a tile in each direction
constexpr std::int64_t kTilePoints = 5;   ///< what the transformed tile has in each direction
constexpr std::int64_t kTaps = 2;         ///< of the kernel, in each direction
constexpr std::int64_t kPoints = kTilePoints * kTilePoints;
/// Channels that a product makes at once. What it reads of them stands side by side in memory.
constexpr std::int64_t kPanel = 32;
/// The rows of a product are a multiple of this, all channels one of kLanes.
constexpr std::int64_t kRowStep = 8;
constexpr std::int64_t kLanes = 16;

/// G [5][2] of F(4, 2) (winograd_tile.cpp): what the kernel's two taps give to each point.
extern const float kKernelToPoints[kTilePoints][kTaps];

/// c [rows][32] (`c_row` apart) = a b, or += with `accumulate`.
/// a [rows][depth]: number (r, k) lies at a[r * a_row + k * a_step]. b [depth][32], `b_step` apart.
struct ProductShape {
  std::int64_t rows;
  std::int64_t depth;
  std::int64_t a_row;
  std::int64_t a_step;
  std::int64_t b_step;
  std::int64_t c_row;
};

/// a * factor_a + b * factor_b
struct Combination {
  const float* a;
  float factor_a;
  const float* b;
  float factor_b;
};

struct WinogradTile {
  /// B^T d B of 5x5 places of `channels` numbers each, the points `stride` apart in `to`. `next`:
  /// the places of the next call, which are fetched meanwhile: they lie apart, so that the CPU
  /// does not see them coming.
  void (*transform_input)(const float* const* places, const float* const* next,
                          std::int64_t channels, float* to, std::int64_t stride);
  /// A m A^T of 4x4 places likewise: a result's gradient, at the points.
  void (*transform_gradient)(const float* const* places, std::int64_t channels, float* to,
                             std::int64_t stride);
  /// A^T m A: from the points, `stride` apart in `from`, to 4x4 places; a null one is left out.
  void (*transform_output)(const float* from, std::int64_t stride, std::int64_t channels,
                           float* const* places);
  /// G^T s G: from the points, `stride` apart in `from`, to the 2x2 taps; a null
  /// one is left out.
  void (*transform_sums)(const float* from, std::int64_t stride, std::int64_t channels,
                         float* const* taps);
  /// to [rows][32], its first `channels` columns, from two matrices whose rows are `row` apart.
  void (*combine_rows)(const Combination& pair, std::int64_t rows, std::int64_t channels,
                       std::int64_t row, float* to);
  void (*multiply)(const ProductShape& shape, const float* a, const float* b, bool accumulate,
                   float* c);
};

/// Those that this CPU can run, the fastest first. All give the same numbers but for the last bits,
/// where a CPU without fused multiply-add rounds twice.
std::vector<const WinogradTile*> usable_winograd_tiles();

/// The first of them.
const WinogradTile& winograd_tile();

}  // namespace dcgan
