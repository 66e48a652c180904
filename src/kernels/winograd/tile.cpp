#include "kernels/winograd/tile.h"

#include "kernels/winograd/loops.h"
#include "runtime/cpu.h"

#if defined(__x86_64__) && defined(__GNUC__)
#define DCGAN_HAS_KINDS 1
#include <immintrin.h>
#else
#define DCGAN_HAS_KINDS 0
#endif

namespace dcgan {

const float kKernelToPoints[kTilePoints][kTaps] = {
    {1, winograd::kA}, {1, -winograd::kA}, {1, winograd::kB}, {1, -winograd::kB}, {0, 1}};

namespace {

// The loops for one kind of CPU and one type of numbers. A function with another target can't be a
// template's instance; so each has its own, into which the templates are inlined.
#define DCGAN_EACH_CUT(function, ...)                        \
  if (cut.rows && cut.columns)                               \
    winograd::function<V, Number, true, true>(__VA_ARGS__);  \
  else if (cut.rows)                                         \
    winograd::function<V, Number, true, false>(__VA_ARGS__); \
  else if (cut.columns)                                      \
    winograd::function<V, Number, false, true>(__VA_ARGS__); \
  else                                                       \
    winograd::function<V, Number, false, false>(__VA_ARGS__)

#define DCGAN_WINOGRAD_LOOPS(space, type, target, tile_rows, vectors)                             \
  namespace space {                                                                               \
  using Number = type;                                                                            \
  target void input(const Number* const* places, const Number* const* next, Cut cut,              \
                    std::int64_t channels, Pairing pairing, float* to, std::int64_t stride) {     \
    DCGAN_EACH_CUT(transform_input, places, next, channels, pairing, to, stride);                 \
  }                                                                                               \
  target void gradient(const Number* const* places, Cut cut, std::int64_t channels,               \
                       Pairing pairing, float* to, std::int64_t stride) {                         \
    DCGAN_EACH_CUT(transform_gradient, places, channels, pairing, to, stride);                    \
  }                                                                                               \
  target void output(const float* from, std::int64_t stride, Cut cut, std::int64_t channels,      \
                     Number* const* places) {                                                     \
    DCGAN_EACH_CUT(transform_output, from, stride, channels, places);                             \
  }                                                                                               \
  target void sums(const float* from, std::int64_t stride, std::int64_t channels,                 \
                   float* const* taps) {                                                          \
    winograd::transform_sums<V>(from, stride, channels, taps);                                    \
  }                                                                                               \
  target void rows(const Combination<Number>& pair, std::int64_t count, std::int64_t channels,    \
                   std::int64_t row, float* to) {                                                 \
    winograd::combine_rows<V>(pair, count, channels, row, to);                                    \
  }                                                                                               \
  target void kernel(const Combination<float>& pair, std::int64_t count, float* to) {             \
    winograd::combine_kernel<V, Number>(pair, count, to);                                         \
  }                                                                                               \
  target void product(const ProductShape& shape, const float* a, const float* b, bool accumulate, \
                      float* c) {                                                                 \
    winograd::multiply<V, Number, tile_rows, vectors>(shape, a, b, accumulate, c);                \
  }                                                                                               \
  constexpr WinogradTile<Number> kTile{input, gradient, output, sums, rows, kernel, product};     \
  }

#define DCGAN_VECTORS(bytes, narrows)                                   \
  typedef float Floats __attribute__((vector_size(bytes)));             \
  typedef std::uint32_t Words __attribute__((vector_size(bytes)));      \
  typedef std::uint16_t Halves __attribute__((vector_size(bytes / 2))); \
  using V = winograd::VectorOf<Floats, Words, Halves, narrows>;

#define DCGAN_WINOGRAD_TILE(kind, target, bytes, float_rows, pair_rows, vectors) \
  namespace kind {                                                               \
  DCGAN_VECTORS(bytes, false)                                                    \
  DCGAN_WINOGRAD_LOOPS(float32, float, target, float_rows, vectors)              \
  DCGAN_WINOGRAD_LOOPS(bfloat16, at::BFloat16, target, pair_rows, vectors)       \
  }

// Rows and vectors of a product's tile: sums enough for two fused multiply-adds a cycle, and as
// many registers as there are, of which pairs need more.
DCGAN_WINOGRAD_TILE(baseline, , 16, 4, 4, 2)
#if DCGAN_HAS_KINDS
DCGAN_WINOGRAD_TILE(avx2, __attribute__((target("avx2,fma"))), 32, 6, 4, 2)
#define DCGAN_AVX512 "avx512f,avx512vl,avx512dq,avx512bw,fma"
DCGAN_WINOGRAD_TILE(avx512, __attribute__((target(DCGAN_AVX512))), 64, 8, 8, 2)

#define DCGAN_AVX512_BF16 __attribute__((target(DCGAN_AVX512 ",avx512bf16")))
namespace avx512_bf16 {
DCGAN_VECTORS(64, true)
DCGAN_WINOGRAD_LOOPS(loops, at::BFloat16, DCGAN_AVX512_BF16, 8, 2)

/// The instruction for a pair's two products and their sum, in place of the loops' two steps.
DCGAN_AVX512_BF16 void product(const ProductShape& shape, const float* a, const float* b,
                               bool accumulate, float* c) {
  constexpr int kRows = 8;
  constexpr int kVectors = kPanel / kLanes;
  for (std::int64_t row = 0; row < shape.rows; row += kRows) {
    __m512 sum[kRows][kVectors];
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        const float* const place = c + (row + r) * shape.c_row + v * kLanes;
        sum[r][v] = accumulate ? _mm512_loadu_ps(place) : _mm512_setzero_ps();
      }
    }
    for (std::int64_t k = 0; k < shape.depth; ++k) {
      __m512bh pairs[kVectors];
      for (int v = 0; v < kVectors; ++v) {
        pairs[v] = (__m512bh)_mm512_loadu_ps(b + k * shape.b_step + v * kLanes);
      }
      for (int r = 0; r < kRows; ++r) {
        const auto factor = (__m512bh)_mm512_set1_ps(a[(row + r) * shape.a_row + k * shape.a_step]);
        for (int v = 0; v < kVectors; ++v) {
          sum[r][v] = _mm512_dpbf16_ps(sum[r][v], factor, pairs[v]);
        }
      }
    }
    for (int r = 0; r < kRows; ++r) {
      for (int v = 0; v < kVectors; ++v) {
        _mm512_storeu_ps(c + (row + r) * shape.c_row + v * kLanes, sum[r][v]);
      }
    }
  }
}
constexpr WinogradTile<at::BFloat16> kTile{
    loops::input, loops::gradient, loops::output, loops::sums, loops::rows, loops::kernel, product};
}  // namespace avx512_bf16
#endif

/// Adds the kinds that have loops for both types.
template <typename Number, typename Tiles>
void add_common(Tiles& tiles) {
  const auto add = [&tiles](const auto& of_float, const auto& of_bfloat16) {
    if constexpr (kNumbersInFloat<Number> == 1) {
      tiles.push_back(&of_float);
    } else {
      tiles.push_back(&of_bfloat16);
    }
  };
#if DCGAN_HAS_KINDS
  if (has_avx512()) add(avx512::float32::kTile, avx512::bfloat16::kTile);
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    add(avx2::float32::kTile, avx2::bfloat16::kTile);
  }
#endif
  add(baseline::float32::kTile, baseline::bfloat16::kTile);
}

}  // namespace

template <>
std::vector<const WinogradTile<float>*> usable_winograd_tiles() {
  std::vector<const WinogradTile<float>*> tiles;
  add_common<float>(tiles);
  return tiles;
}

template <>
std::vector<const WinogradTile<at::BFloat16>*> usable_winograd_tiles() {
  std::vector<const WinogradTile<at::BFloat16>*> tiles;
#if DCGAN_HAS_KINDS
  if (has_avx512() && multiplies_bfloat16()) tiles.push_back(&avx512_bf16::kTile);
#endif
  add_common<at::BFloat16>(tiles);
  return tiles;
}

template <typename Number>
const WinogradTile<Number>& winograd_tile() {
  static const WinogradTile<Number>& fastest = *usable_winograd_tiles<Number>().front();
  return fastest;
}
template const WinogradTile<float>& winograd_tile();
template const WinogradTile<at::BFloat16>& winograd_tile();

}  // namespace dcgan
