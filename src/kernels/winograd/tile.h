// What Winograd's convolutions do with one tile and one block of channels: the loops that take the
// time, made for each kind of CPU. winograd.cpp says what they are for.
//
// The images are float32 or bfloat16 (`Number`). Transformed, two bfloat16 that a product
// multiplies and adds at once are a pair: they share a float's memory, the first in its lower half.
// So a product has the same shape for both, with half the depth in bfloat16.
#pragma once

#include <c10/util/BFloat16.h>

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

/// Numbers that share a float's memory.
template <typename Number>
constexpr std::int64_t kNumbersInFloat = sizeof(float) / sizeof(Number);

/// G [5][2] of F(4, 2) (loops.h): what the kernel's two taps give to each point.
extern const float kKernelToPoints[kTilePoints][kTaps];

/// Directions in which a tile has three results, at the end of a map, in place of four. It does
/// without the point kCutPoint there and without the last input.
struct Cut {
  bool rows = false;
  bool columns = false;
};
constexpr std::int64_t kCutPoint = 3;

/// Where a transformed bfloat16 tile goes: every two of its channels are a pair, or it is the first
/// or the second of a pair of tiles (the second after the first). float32 has no pairs.
enum class Pairing { none, channels, first_tile, second_tile };

/// c [rows][32] (`c_row` apart) = a b, or += with `accumulate`.
/// a [rows][depth]: number (r, k) lies at a[r * a_row + k * a_step]. b [depth][32], `b_step` apart.
/// In bfloat16 a and b hold pairs, which `depth` counts.
struct ProductShape {
  std::int64_t rows;
  std::int64_t depth;
  std::int64_t a_row;
  std::int64_t a_step;
  std::int64_t b_step;
  std::int64_t c_row;
};

/// a * factors[0] + b * factors[1]
template <typename Number>
struct Combination {
  const Number* a;
  const Number* b;
  const float* factors;
};

/// A function for each cut.
template <typename Function>
struct OfEachCut {
  Function* functions[2][2];  ///< [cut.rows][cut.columns]

  Function* operator[](const Cut& cut) const { return functions[cut.rows][cut.columns]; }
};

template <typename Number>
struct WinogradTile {
  /// B^T d B of 5x5 places of `channels` numbers each, the points `stride` apart in `to`. `next`:
  /// the places of the next call, which are fetched meanwhile: they lie apart, so that the CPU
  /// does not see them coming.
  OfEachCut<void(const Number* const* places, const Number* const* next, std::int64_t channels,
                 Pairing pairing, float* to, std::int64_t stride)>
      transform_input;
  /// A m A^T of 4x4 places likewise: a result's gradient, at the points.
  OfEachCut<void(const Number* const* places, std::int64_t channels, Pairing pairing, float* to,
                 std::int64_t stride)>
      transform_gradient;
  /// A^T m A: from the points, `stride` apart in `from`, to 4x4 places; a null one is left out.
  OfEachCut<void(const float* from, std::int64_t stride, std::int64_t channels,
                 Number* const* places)>
      transform_output;
  /// G^T s G: from the points, `stride` apart in `from`, to the 2x2 taps; a null
  /// one is left out.
  void (*transform_sums)(const float* from, std::int64_t stride, std::int64_t channels,
                         float* const* taps);
  /// to [rows][32], its first `channels` columns, from two matrices whose rows are `row` apart.
  void (*combine_rows)(const Combination<Number>& pair, std::int64_t rows, std::int64_t channels,
                       std::int64_t row, float* to);
  /// The same of matrices [rows][32], to what a product reads: [rows][32], in bfloat16 [rows /
  /// 2][32] pairs.
  void (*combine_kernel)(const Combination<float>& pair, std::int64_t rows, float* to);
  void (*multiply)(const ProductShape& shape, const float* a, const float* b, bool accumulate,
                   float* c);
};

/// Those that this CPU can run, the fastest first. All give the same numbers but for the last bits:
/// a CPU without fused multiply-add rounds twice, and one with products of bfloat16 once a pair.
template <typename Number>
std::vector<const WinogradTile<Number>*> usable_winograd_tiles();

/// The one that is used: the first of them, until a test sets another.
template <typename Number>
const WinogradTile<Number>*& winograd_tile();

}  // namespace dcgan
