// The matrices and the loops of Winograd's transforms and products. tile.cpp includes them once for
// each kind of CPU, inside of a namespace with kBytes, the size of a vector, and kProductRows, and
// of a region with that CPU's instructions, to which DCGAN_AVX512_BF16 adds those of bfloat16.
//
// F(4, 2) by Cook and Toom: polynomials at the points a, -a, b, -b and infinity (Lavin, Gray, "Fast
// algorithms for convolutional neural networks", 2016, section 4). With y_i = d_i g_0 + d_(i+1)
// g_1, i = 0 to 3, y = A^T ((G g) . (B^T d)):
//
//          | 1   a |            | (-a b^2  -b^2   a           1   0) / N |
//          | 1  -a |            | (-a b^2   b^2   a          -1   0) / N |
//     G =  | 1   b |     B^T =  | (-a^2 b  -a^2   b           1   0) / M |
//          | 1  -b |            | (-a^2 b   a^2   b          -1   0) / M |
//          | 0   1 |            |   a^2 b^2  0    -a^2 - b^2   0   1     |
//
//            |  1    1    1    1   0 |
//     A^T =  |  a   -a    b   -b   0 |
//            | a^2  a^2  b^2  b^2  0 |
//            | a^3 -a^3  b^3 -b^3  1 |
//
//     N = 2a (a^2 - b^2), M = 2b (b^2 - a^2)
//
// and F(3, 2), i = 0 to 2, at the same points without -b, so that both have one G:
//
//            | (-a b    a - b   1   0) / (2a (a - b)) |            |  1    1    1   0 |
//     B^T =  | ( a b   -a - b   1   0) / (2a (a + b)) |     A^T =  |  a   -a    b   0 |
//            | (-a^2    0       1   0) / (b^2 - a^2)  |            | a^2  a^2  b^2  1 |
//            |   a^2 b -a^2    -b   1                 |
//
// The usual points 0, 1, -1, 2 give twice the error: a number is then the difference of larger ones
// (Barabasz et al., "Error analysis and improving the accuracy of Winograd convolution for deep
// neural networks", 2020).

constexpr float kA = 0.5F;
constexpr float kB = 1.25F;
constexpr float kA2 = kA * kA;
constexpr float kB2 = kB * kB;
constexpr float kOneByN = 1 / (2 * kA * (kA2 - kB2));
constexpr float kOneByM = 1 / (2 * kB * (kB2 - kA2));
/// The three divisors of F(3, 2).
constexpr float kOneByCutA = 1 / (2 * kA * (kA - kB));
constexpr float kOneByCutMinusA = 1 / (2 * kA * (kA + kB));
constexpr float kOneByCutB = 1 / (kB2 - kA2);

// Memory and registers ----------------------------------------------------------------------------

typedef float Float __attribute__((vector_size(kBytes)));
typedef std::uint32_t Word __attribute__((vector_size(kBytes)));
typedef std::uint16_t Half __attribute__((vector_size(kBytes / 2)));
constexpr std::int64_t kWidth = kBytes / sizeof(float);

template <typename Value>
[[gnu::always_inline]] inline Value read(const void* from) {
  Value value;
  std::memcpy(&value, from, sizeof(Value));
  return value;
}

[[gnu::always_inline]] inline Word widened(Half halves) {
#ifdef DCGAN_AVX512_BF16
  // Without a mask the intrinsic of GCC 12 warns of its own variable.
  return (Word)_mm512_maskz_cvtepu16_epi32(0xFFFF, (__m256i)halves);
#else
  return __builtin_convertvector(halves, Word);
#endif
}

/// The nearest bfloat16, ties to even. A NaN stays one: the lower half of any that comes here, from
/// bfloat16 numbers or made anew, is 0.
[[gnu::always_inline]] inline Half narrowed(Float value) {
#ifdef DCGAN_AVX512_BF16
  return (Half)_mm512_cvtneps_pbh((__m512)value);
#else
  const auto bits = (Word)value;
  return __builtin_convertvector((bits + 0x7FFF + (bits >> 16 & 1)) >> 16, Half);
#endif
}

[[gnu::always_inline]] inline Float load(const float* from) { return read<Float>(from); }
[[gnu::always_inline]] inline Float load(const at::BFloat16* from) {
  return (Float)(widened(read<Half>(from)) << 16);
}

/// The same, in the lower halves.
[[gnu::always_inline]] inline Word narrowed_bits(Float value) { return widened(narrowed(value)); }

[[gnu::always_inline]] inline void store(float* to, Float value) {
  std::memcpy(to, &value, sizeof(value));
}
[[gnu::always_inline]] inline void store(at::BFloat16* to, Float value) {
  const auto halves = narrowed(value);
  std::memcpy(to, &halves, sizeof(halves));
}

[[gnu::always_inline]] inline void store_pairs(float* to, Float first, Float second) {
  store(to, (Float)(narrowed_bits(first) | narrowed_bits(second) << 16));
}

/// Half of a pair: the second keeps the first, which is there already.
template <bool kSecond>
[[gnu::always_inline]] inline void store_half(float* to, Float value) {
  const auto bits = narrowed_bits(value);
  store(to, (Float)(kSecond ? bits << 16 | read<Word>(to) : bits));
}

/// Whether a tile has point i in a direction that is cut or not; of `places` places, place i.
template <bool kCut>
constexpr bool has_point(std::int64_t i) {
  return !kCut || i != kCutPoint;
}
template <bool kCut>
constexpr bool has_place(std::int64_t i, std::int64_t places) {
  return !kCut || i != places - 1;
}

/// From the numbers c on of kSide x kSide places, but for those that a cut tile lacks.
template <int kSide, bool kCutRows, bool kCutColumns, typename Number>
[[gnu::always_inline]] inline void load_places(const Number* const* places, std::int64_t c,
                                               Float* values) {
#pragma GCC unroll 25
  for (int i = 0; i < kSide * kSide; ++i) {
    if (has_place<kCutRows>(i / kSide, kSide) && has_place<kCutColumns>(i % kSide, kSide)) {
      values[i] = load(places[i] + c);
    }
  }
}

/// Each value from its place's number c on; a null place is left out.
template <typename Number>
[[gnu::always_inline]] inline void store_present(const Float* values, int count,
                                                 Number* const* places, std::int64_t c) {
#pragma GCC unroll 25
  for (int i = 0; i < count; ++i) {
    if (places[i] != nullptr) store(places[i] + c, values[i]);
  }
}

// The matrices ------------------------------------------------------------------------------------

/// B^T of five vectors, `step` apart, in place. Cut: of the first four, to all but kCutPoint.
template <bool kCut, typename Vec>
[[gnu::always_inline]] inline void apply_input_matrix(Vec* d, int step) {
  const Vec d0 = d[0];
  const Vec d1 = d[step];
  const Vec d2 = d[2 * step];
  const Vec d3 = d[3 * step];
  if constexpr (kCut) {
    d[0] = (d2 + d1 * (kA - kB) - d0 * (kA * kB)) * kOneByCutA;
    d[step] = (d2 - d1 * (kA + kB) + d0 * (kA * kB)) * kOneByCutMinusA;
    d[2 * step] = (d2 - d0 * kA2) * kOneByCutB;
    d[4 * step] = d3 - d2 * kB - d1 * kA2 + d0 * (kA2 * kB);
  } else {
    const Vec d4 = d[4 * step];
    const Vec odd_a = (d3 - d1 * kB2) * kOneByN;
    const Vec even_a = (d2 - d0 * kB2) * (kA * kOneByN);
    const Vec odd_b = (d3 - d1 * kA2) * kOneByM;
    const Vec even_b = (d2 - d0 * kA2) * (kB * kOneByM);
    d[0] = even_a + odd_a;
    d[step] = even_a - odd_a;
    d[2 * step] = even_b + odd_b;
    d[3 * step] = even_b - odd_b;
    d[4 * step] = d4 - d2 * (kA2 + kB2) + d0 * (kA2 * kB2);
  }
}

/// A of four vectors to five, `step` apart. Cut: of the first three, to all but kCutPoint.
template <bool kCut, typename Vec>
[[gnu::always_inline]] inline void apply_gradient_matrix(const Vec* m, Vec* to, int step) {
  if constexpr (kCut) {
    const Vec even_a = m[0] + m[2 * step] * kA2;
    to[0] = even_a + m[step] * kA;
    to[step] = even_a - m[step] * kA;
    to[2 * step] = m[0] + m[step] * kB + m[2 * step] * kB2;
    to[4 * step] = m[2 * step];
  } else {
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
}

/// A^T of five vectors to four, `step` apart. Cut: of all but kCutPoint, to three.
template <bool kCut, typename Vec>
[[gnu::always_inline]] inline void apply_output_matrix(const Vec* m, Vec* to, int step) {
  const Vec sum_a = m[0] + m[step];
  const Vec difference_a = (m[0] - m[step]) * kA;
  if constexpr (kCut) {
    to[0] = sum_a + m[2 * step];
    to[step] = difference_a + m[2 * step] * kB;
    to[2 * step] = sum_a * kA2 + m[2 * step] * kB2 + m[4 * step];
  } else {
    const Vec sum_b = m[2 * step] + m[3 * step];
    const Vec difference_b = (m[2 * step] - m[3 * step]) * kB;
    to[0] = sum_a + sum_b;
    to[step] = difference_a + difference_b;
    to[2 * step] = sum_a * kA2 + sum_b * kB2;
    to[3 * step] = difference_a * kA2 + difference_b * kB2 + m[4 * step];
  }
}

/// G^T of five vectors to two, `step` apart.
template <typename Vec>
[[gnu::always_inline]] inline void apply_sum_matrix(const Vec* s, Vec* to, int step) {
  to[0] = s[0] + s[step] + (s[2 * step] + s[3 * step]);
  to[step] = (s[0] - s[step]) * kA + (s[2 * step] - s[3 * step]) * kB + s[4 * step];
}

// The transforms ----------------------------------------------------------------------------------

/// What store_points() does with a number: it is alone or beside its pair, or one half of a pair's
/// memory.
enum class Part { whole, first, second };

template <bool kCutRows, bool kCutColumns, Part kPart, typename Number>
[[gnu::always_inline]] inline void store_points(const Float* points, Number* to,
                                                std::int64_t stride) {
#pragma GCC unroll 25
  for (int i = 0; i < kPoints; ++i) {
    if (!has_point<kCutRows>(i / kTilePoints) || !has_point<kCutColumns>(i % kTilePoints)) continue;
    if constexpr (kPart == Part::whole) {
      store(to + i * stride, points[i]);
    } else {
      store_half<kPart == Part::second>(to + i * stride, points[i]);
    }
  }
}

/// The points of channels c and following, to where the pairing has them.
template <typename Number, bool kCutRows, bool kCutColumns>
[[gnu::always_inline]] inline void store_channels(const Float* points, std::int64_t c,
                                                  Pairing pairing, float* to, std::int64_t stride) {
  if (kNumbersInFloat<Number> == 1 || pairing == Pairing::channels) {
    store_points<kCutRows, kCutColumns, Part::whole>(points, reinterpret_cast<Number*>(to) + c,
                                                     stride * kNumbersInFloat<Number>);
  } else if (pairing == Pairing::first_tile) {
    store_points<kCutRows, kCutColumns, Part::first>(points, to + c, stride);
  } else {
    store_points<kCutRows, kCutColumns, Part::second>(points, to + c, stride);
  }
}

template <typename Number, bool kCutRows, bool kCutColumns>
void transform_input(const Number* const* places, const Number* const* next, std::int64_t channels,
                     Pairing pairing, float* to, std::int64_t stride) {
  for (std::int64_t c = 0; c < channels; c += kWidth) {
#pragma GCC unroll 25
    for (int i = 0; i < kPoints; ++i) __builtin_prefetch(next[i] + c);
    Float d[kPoints];
    load_places<kTilePoints, kCutRows, kCutColumns>(places, c, d);
#pragma GCC unroll 25
    for (int j = 0; j < 5; ++j) {
      if (has_place<kCutColumns>(j, 5)) apply_input_matrix<kCutRows>(d + j, 5);
    }
#pragma GCC unroll 25
    for (int i = 0; i < 5; ++i) {
      if (has_point<kCutRows>(i)) apply_input_matrix<kCutColumns>(d + 5 * i, 1);
    }
    store_channels<Number, kCutRows, kCutColumns>(d, c, pairing, to, stride);
  }
}

template <typename Number, bool kCutRows, bool kCutColumns>
void transform_gradient(const Number* const* places, std::int64_t channels, Pairing pairing,
                        float* to, std::int64_t stride) {
  for (std::int64_t c = 0; c < channels; c += kWidth) {
    // Each step's arrays have the width of their rows: 4, then 5.
    Float m[kTileOutputs * kTileOutputs];
    Float rows[kTileOutputs * kTilePoints];
    Float points[kPoints];
    load_places<kTileOutputs, kCutRows, kCutColumns>(places, c, m);
#pragma GCC unroll 25
    for (int j = 0; j < 4; ++j) {
      if (has_place<kCutColumns>(j, 4)) apply_gradient_matrix<kCutRows>(m + j, rows + j, 4);
    }
#pragma GCC unroll 25
    for (int i = 0; i < 5; ++i) {
      if (has_point<kCutRows>(i)) {
        apply_gradient_matrix<kCutColumns>(rows + 4 * i, points + 5 * i, 1);
      }
    }
    store_channels<Number, kCutRows, kCutColumns>(points, c, pairing, to, stride);
  }
}

template <typename Number, bool kCutRows, bool kCutColumns>
void transform_output(const float* from, std::int64_t stride, std::int64_t channels,
                      Number* const* places) {
  for (std::int64_t c = 0; c < channels; c += kWidth) {
    Float m[kPoints];
    Float rows[kTileOutputs * kTilePoints];
    Float results[kTileOutputs * kTileOutputs];
#pragma GCC unroll 25
    for (int i = 0; i < kPoints; ++i) {
      if (has_point<kCutRows>(i / kTilePoints) && has_point<kCutColumns>(i % kTilePoints)) {
        m[i] = load(from + c + i * stride);
      }
    }
#pragma GCC unroll 25
    for (int j = 0; j < 5; ++j) {
      if (has_point<kCutColumns>(j)) apply_output_matrix<kCutRows>(m + j, rows + j, 5);
    }
#pragma GCC unroll 25
    for (int i = 0; i < 4; ++i) {
      if (!has_place<kCutRows>(i, 4)) continue;
      apply_output_matrix<kCutColumns>(rows + 5 * i, results + 4 * i, 1);
      store_present(results + 4 * i, kCutColumns ? 3 : 4, places + 4 * i, c);
    }
  }
}

void transform_sums(const float* from, std::int64_t stride, std::int64_t channels,
                    float* const* to) {
  for (std::int64_t c = 0; c < channels; c += kWidth) {
    Float s[kPoints];
    Float rows[kTaps * kTilePoints];
    Float taps[kTaps * kTaps];
#pragma GCC unroll 25
    for (int i = 0; i < kPoints; ++i) s[i] = load(from + c + i * stride);
    for (int j = 0; j < 5; ++j) apply_sum_matrix(s + j, rows + j, 5);
    for (int i = 0; i < 2; ++i) apply_sum_matrix(rows + 5 * i, taps + 2 * i, 1);
    store_present(taps, 4, to, c);
  }
}

template <typename Number>
[[gnu::always_inline]] inline Float combined(const Combination<Number>& pair, std::int64_t i) {
  return load(pair.a + i) * pair.factors[0] + load(pair.b + i) * pair.factors[1];
}

template <typename Number>
void combine_rows(const Combination<Number>& pair, std::int64_t rows, std::int64_t channels,
                  std::int64_t row, float* to) {
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < channels; c += kWidth) {
      store(to + r * kPanel + c, combined(pair, r * row + c));
    }
  }
}

template <typename Number>
void combine_kernel(const Combination<float>& pair, std::int64_t rows, float* to) {
  if constexpr (kNumbersInFloat<Number> == 1) {
    combine_rows(pair, rows, kPanel, kPanel, to);
  } else {
    for (std::int64_t r = 0; r < rows; r += 2) {
      for (std::int64_t c = 0; c < kPanel; c += kWidth) {
        const std::int64_t i = r * kPanel + c;
        store_pairs(to + r / 2 * kPanel + c, combined(pair, i), combined(pair, i + kPanel));
      }
    }
  }
}

// The product -------------------------------------------------------------------------------------

/// sum + a * b; of pairs: the products of both their numbers.
template <typename Number>
[[gnu::always_inline]] inline Float add_product(Float sum, Float a, Float b) {
  if constexpr (kNumbersInFloat<Number> == 1) return sum + a * b;
#ifdef DCGAN_AVX512_BF16
  return (Float)_mm512_dpbf16_ps((__m512)sum, (__m512bh)a, (__m512bh)b);
#else
  const Word upper = Word{} + 0xFFFF0000U;
  sum += (Float)((Word)a << 16) * (Float)((Word)b << 16);
  return sum + (Float)((Word)a & upper) * (Float)((Word)b & upper);
#endif
}

/// kRows x (kVectors vectors) of a product, in registers.
constexpr int kVectors = 2;
template <typename Number, int kRows>
[[gnu::always_inline]] inline void multiply_tile(const ProductShape& shape, const float* a,
                                                 const float* b, bool accumulate, float* c) {
  Float sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) {
      sum[r][v] = accumulate ? load(c + r * shape.c_row + v * kWidth) : Float{};
    }
  }
  for (std::int64_t k = 0; k < shape.depth; ++k) {
    const float* const row = b + k * shape.b_step;
    const float* const column = a + k * shape.a_step;
    Float vectors[kVectors];
    for (int v = 0; v < kVectors; ++v) vectors[v] = load(row + v * kWidth);
    for (int r = 0; r < kRows; ++r) {
      const auto factor = (Float)(read<std::uint32_t>(column + r * shape.a_row) + Word{});
      for (int v = 0; v < kVectors; ++v) {
        sum[r][v] = add_product<Number>(sum[r][v], vectors[v], factor);
      }
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) store(c + r * shape.c_row + v * kWidth, sum[r][v]);
  }
}

template <typename Number>
void multiply(const ProductShape& shape, const float* a, const float* b, bool accumulate,
              float* c) {
  constexpr int kFewRows = kRowStep / 2;
  static_assert(kProductRows % 2 == 0 && kProductRows <= kRowStep &&
                kPanel % (kVectors * kWidth) == 0);
  for (std::int64_t column = 0; column < kPanel; column += kVectors * kWidth) {
    std::int64_t row = 0;
    // No step is a multiple of six: fours first, until what is left is one.
    for (; (shape.rows - row) % kProductRows != 0; row += kFewRows) {
      multiply_tile<Number, kFewRows>(shape, a + row * shape.a_row, b + column, accumulate,
                                      c + row * shape.c_row + column);
    }
    for (; row < shape.rows; row += kProductRows) {
      multiply_tile<Number, kProductRows>(shape, a + row * shape.a_row, b + column, accumulate,
                                          c + row * shape.c_row + column);
    }
  }
}

/// The loops of this kind of CPU for one type of numbers.
template <typename Number>
constexpr WinogradTile<Number> kTile{
    {{{transform_input<Number, false, false>, transform_input<Number, false, true>},
      {transform_input<Number, true, false>, transform_input<Number, true, true>}}},
    {{{transform_gradient<Number, false, false>, transform_gradient<Number, false, true>},
      {transform_gradient<Number, true, false>, transform_gradient<Number, true, true>}}},
    {{{transform_output<Number, false, false>, transform_output<Number, false, true>},
      {transform_output<Number, true, false>, transform_output<Number, true, true>}}},
    transform_sums,
    combine_rows<Number>,
    combine_kernel<Number>,
    multiply<Number>};
