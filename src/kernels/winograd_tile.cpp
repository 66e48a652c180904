#include "winograd_tile.h"

#include <cstring>

// F(4, 2) by Cook and Toom: polynomials at the points a, -a, b, -b and infinity (Lavin, Gray, "Fast
// algorithms for convolutional neural networks", 2016, section 4). With y_i = d_i g_0 + d_(i+1)
// g_1, i = 0 to 3, y = A^T ((G g) . (B^T d)):
//
//         |  1/N  a/N |         | -ab^2  -b^2   a          1   0 |          | 1    1    1    1    0
//         | | -1/N  a/N |         |  ab^2  -b^2  -a          1   0 |          | a   -a    b   -b 0
//         |
//     G = |  1/M  b/M |   B^T = | -a^2b  -a^2   b          1   0 |    A^T = | a^2  a^2  b^2  b^2  0
//     |
//         | -1/M  b/M |         |  a^2b  -a^2  -b          1   0 |          | a^3 -a^3  b^3 -b^3  1
//         | |  0    1   |         |  a^2b^2  0   -a^2 - b^2  0   1 |
//
//     N = 2a (a^2 - b^2), M = 2b (b^2 - a^2)
//
// The usual points 0, 1, -1, 2 give twice the error: a number is then the difference of larger ones
// (Barabasz et al., "Error analysis and improving the accuracy of Winograd convolution for deep
// neural networks", 2020).

namespace dcgan {
namespace {

constexpr float kA = 0.5F;
constexpr float kB = 1.25F;
constexpr float kA2 = kA * kA;
constexpr float kB2 = kB * kB;
constexpr float kN = 2 * kA * (kA2 - kB2);
constexpr float kM = 2 * kB * (kB2 - kA2);

}  // namespace

const float kKernelToPoints[kTilePoints][kTaps] = {
    {1 / kN, kA / kN}, {-1 / kN, kA / kN}, {1 / kM, kB / kM}, {-1 / kM, kB / kM}, {0, 1}};

namespace {

#if defined(__GNUC__)
#define DCGAN_INLINE __attribute__((always_inline)) inline
#else
#define DCGAN_INLINE inline
#endif

template <typename Vec>
constexpr std::int64_t width() {
  return static_cast<std::int64_t>(sizeof(Vec) / sizeof(float));
}

template <typename Vec>
DCGAN_INLINE Vec load(const float* from) {
  Vec value;
  std::memcpy(&value, from, sizeof(Vec));
  return value;
}

template <typename Vec>
DCGAN_INLINE void store(float* to, Vec value) {
  std::memcpy(to, &value, sizeof(Vec));
}

template <typename Vec>
DCGAN_INLINE void load_points(const float* from, std::int64_t stride, Vec* points) {
  for (int i = 0; i < 25; ++i) points[i] = load<Vec>(from + i * stride);
}

template <typename Vec>
DCGAN_INLINE void store_points(const Vec* points, float* to, std::int64_t stride) {
  for (int i = 0; i < 25; ++i) store(to + i * stride, points[i]);
}

/// Each value from its place's number c on; a null place is left out.
template <typename Vec>
DCGAN_INLINE void store_present(const Vec* values, int count, float* const* places,
                                std::int64_t c) {
  for (int i = 0; i < count; ++i) {
    if (places[i] != nullptr) store(places[i] + c, values[i]);
  }
}

DCGAN_INLINE void prefetch(const float* place) { __builtin_prefetch(place); }

/// B^T of five vectors, `step` apart, in place.
template <typename Vec>
DCGAN_INLINE void apply_input_matrix(Vec* d, int step) {
  const Vec d0 = d[0];
  const Vec d1 = d[step];
  const Vec d2 = d[2 * step];
  const Vec d3 = d[3 * step];
  const Vec d4 = d[4 * step];
  const Vec odd_a = d3 - d1 * kB2;
  const Vec even_a = (d2 - d0 * kB2) * kA;
  const Vec odd_b = d3 - d1 * kA2;
  const Vec even_b = (d2 - d0 * kA2) * kB;
  d[0] = odd_a + even_a;
  d[step] = odd_a - even_a;
  d[2 * step] = odd_b + even_b;
  d[3 * step] = odd_b - even_b;
  d[4 * step] = d4 - d2 * (kA2 + kB2) + d0 * (kA2 * kB2);
}

/// A of four vectors to five, `step` apart.
template <typename Vec>
DCGAN_INLINE void apply_gradient_matrix(const Vec* m, Vec* to, int step) {
  const Vec even_a = m[0] + m[2 * step] * kA2;
  const Vec odd_a = (m[step] + m[3 * step] * kA2) * kA;
  const Vec even_b = m[0] + m[2 * step] * kB2;
  const Vec odd_b = (m[step] + m[3 * step] * kB2) * kB;
  to[0] = even_a + odd_a;
  to[step] = even_a - odd_a;
  to[2 * step] = even_b + odd_b;
  to[3 * step] = even_b - odd_b;
  to[4 * step] = m[3 * step];
}

/// A^T of five vectors to four, `step` apart.
template <typename Vec>
DCGAN_INLINE void apply_output_matrix(const Vec* m, Vec* to, int step) {
  const Vec sum_a = m[0] + m[step];
  const Vec difference_a = (m[0] - m[step]) * kA;
  const Vec sum_b = m[2 * step] + m[3 * step];
  const Vec difference_b = (m[2 * step] - m[3 * step]) * kB;
  to[0] = sum_a + sum_b;
  to[step] = difference_a + difference_b;
  to[2 * step] = sum_a * kA2 + sum_b * kB2;
  to[3 * step] = difference_a * kA2 + difference_b * kB2 + m[4 * step];
}

/// G^T of five vectors to two, `step` apart.
template <typename Vec>
DCGAN_INLINE void apply_sum_matrix(const Vec* s, Vec* to, int step) {
  to[0] = (s[0] - s[step]) * (1 / kN) + (s[2 * step] - s[3 * step]) * (1 / kM);
  to[step] = (s[0] + s[step]) * (kA / kN) + (s[2 * step] + s[3 * step]) * (kB / kM) + s[4 * step];
}

template <typename Vec>
DCGAN_INLINE void transform_input(const float* const* places, const float* const* next,
                                  std::int64_t channels, float* to, std::int64_t stride) {
  for (std::int64_t c = 0; c < channels; c += width<Vec>()) {
    for (int i = 0; i < 25; ++i) prefetch(next[i] + c);
    Vec d[25];
    for (int i = 0; i < 25; ++i) d[i] = load<Vec>(places[i] + c);
    for (int i = 0; i < 5; ++i) apply_input_matrix(d + i, 5);
    for (int i = 0; i < 5; ++i) apply_input_matrix(d + 5 * i, 1);
    store_points(d, to + c, stride);
  }
}

template <typename Vec>
DCGAN_INLINE void transform_gradient(const float* const* places, std::int64_t channels, float* to,
                                     std::int64_t stride) {
  for (std::int64_t c = 0; c < channels; c += width<Vec>()) {
    Vec m[16];
    Vec rows[20];
    Vec points[25];
    for (int i = 0; i < 16; ++i) m[i] = load<Vec>(places[i] + c);
    // Each step's arrays have the width of their rows: 4, then 5.
    for (int j = 0; j < 4; ++j) apply_gradient_matrix(m + j, rows + j, 4);
    for (int i = 0; i < 5; ++i) apply_gradient_matrix(rows + 4 * i, points + 5 * i, 1);
    store_points(points, to + c, stride);
  }
}

template <typename Vec>
DCGAN_INLINE void transform_output(const float* from, std::int64_t stride, std::int64_t channels,
                                   float* const* places) {
  for (std::int64_t c = 0; c < channels; c += width<Vec>()) {
    Vec m[25];
    Vec rows[20];
    Vec results[16];
    load_points(from + c, stride, m);
    for (int j = 0; j < 5; ++j) apply_output_matrix(m + j, rows + j, 5);
    for (int i = 0; i < 4; ++i) apply_output_matrix(rows + 5 * i, results + 4 * i, 1);
    store_present(results, 16, places, c);
  }
}

template <typename Vec>
DCGAN_INLINE void transform_sums(const float* from, std::int64_t stride, std::int64_t channels,
                                 float* const* to) {
  for (std::int64_t c = 0; c < channels; c += width<Vec>()) {
    Vec s[25];
    Vec rows[10];
    Vec taps[4];
    load_points(from + c, stride, s);
    for (int j = 0; j < 5; ++j) apply_sum_matrix(s + j, rows + j, 5);
    for (int i = 0; i < 2; ++i) apply_sum_matrix(rows + 5 * i, taps + 2 * i, 1);
    store_present(taps, 4, to, c);
  }
}

template <typename Vec>
DCGAN_INLINE void combine_rows(const Combination& pair, std::int64_t rows, std::int64_t channels,
                               std::int64_t row, float* to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < channels; c += width<Vec>()) {
      store(to + r * kPanel + c, load<Vec>(pair.a + r * row + c) * pair.factor_a +
                                     load<Vec>(pair.b + r * row + c) * pair.factor_b);
    }
  }
}

/// kRows x (kVectors vectors) of a product, in registers.
template <typename Vec, int kRows, int kVectors>
DCGAN_INLINE void multiply_tile(const ProductShape& shape, const float* a, const float* b,
                                bool accumulate, float* c) {
  Vec sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = accumulate ? load<Vec>(c + r * shape.c_row + v * width<Vec>()) : Vec{};
    }
  }
  for (std::int64_t k = 0; k < shape.depth; ++k) {
    Vec row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load<Vec>(b + k * shape.b_step + v * width<Vec>());
    for (int r = 0; r < kRows; ++r) {
      const float factor = a[r * shape.a_row + k * shape.a_step];
      for (int v = 0; v < kVectors; ++v) sum[r][v] += row[v] * factor;
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) store(c + r * shape.c_row + v * width<Vec>(), sum[r][v]);
  }
}

template <typename Vec, int kRows, int kVectors>
DCGAN_INLINE void multiply(const ProductShape& shape, const float* a, const float* b,
                           bool accumulate, float* c) {
  static_assert(kRowStep % kRows == 0 && kPanel % (kVectors * width<Vec>()) == 0);
  for (std::int64_t column = 0; column < kPanel; column += kVectors * width<Vec>()) {
    for (std::int64_t row = 0; row < shape.rows; row += kRows) {
      multiply_tile<Vec, kRows, kVectors>(shape, a + row * shape.a_row, b + column, accumulate,
                                          c + row * shape.c_row + column);
    }
  }
}

// A function with another target can't be a template's instance; so each kind of CPU has its own,
// into which the templates are inlined.
#define DCGAN_WINOGRAD_TILE(kind, target, bytes, tile_rows, vectors)                              \
  namespace kind {                                                                                \
  typedef float Vec __attribute__((vector_size(bytes)));                                          \
  target void input(const float* const* places, const float* const* next, std::int64_t channels,  \
                    float* to, std::int64_t stride) {                                             \
    transform_input<Vec>(places, next, channels, to, stride);                                     \
  }                                                                                               \
  target void gradient(const float* const* places, std::int64_t channels, float* to,              \
                       std::int64_t stride) {                                                     \
    transform_gradient<Vec>(places, channels, to, stride);                                        \
  }                                                                                               \
  target void output(const float* from, std::int64_t stride, std::int64_t channels,               \
                     float* const* places) {                                                      \
    transform_output<Vec>(from, stride, channels, places);                                        \
  }                                                                                               \
  target void sums(const float* from, std::int64_t stride, std::int64_t channels,                 \
                   float* const* taps) {                                                          \
    transform_sums<Vec>(from, stride, channels, taps);                                            \
  }                                                                                               \
  target void combination(const Combination& pair, std::int64_t rows, std::int64_t channels,      \
                          std::int64_t row, float* to) {                                          \
    combine_rows<Vec>(pair, rows, channels, row, to);                                             \
  }                                                                                               \
  target void product(const ProductShape& shape, const float* a, const float* b, bool accumulate, \
                      float* c) {                                                                 \
    multiply<Vec, tile_rows, vectors>(shape, a, b, accumulate, c);                                \
  }                                                                                               \
  constexpr WinogradTile kTile{input, gradient, output, sums, combination, product};              \
  }

// Sums enough for two fused multiply-adds a cycle, and as many registers as there are.
DCGAN_WINOGRAD_TILE(baseline, , 16, 4, 2)
#if defined(__x86_64__) && defined(__GNUC__)
DCGAN_WINOGRAD_TILE(avx2, __attribute__((target("avx2,fma"))), 32, 4, 2)
DCGAN_WINOGRAD_TILE(avx512, __attribute__((target("avx512f,avx512vl,avx512dq,avx512bw,fma"))), 64,
                    8, 2)
#endif

}  // namespace

std::vector<const WinogradTile*> usable_winograd_tiles() {
  std::vector<const WinogradTile*> tiles;
#if defined(__x86_64__) && defined(__GNUC__)
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw")) {
    tiles.push_back(&avx512::kTile);
  }
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    tiles.push_back(&avx2::kTile);
  }
#endif
  tiles.push_back(&baseline::kTile);
  return tiles;
}

const WinogradTile& winograd_tile() {
  static const WinogradTile& fastest = *usable_winograd_tiles().front();
  return fastest;
}

}  // namespace dcgan
