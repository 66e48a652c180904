#include <algorithm>
#include <cmath>
#include <cstdint>
#include <stdexcept>
#include <utility>
#include <vector>

#include "base/multiversion.h"
#include "image/codecs.h"
#include "image/fit.h"

namespace dcgan {
namespace {

/// The weights by which one side's pixels make the new ones: new pixel i is the sum over k of
/// weights[i * stride + k] * old pixel first[i] + k, for k < count[i].
struct Taps {
  std::vector<std::int64_t> first;
  std::vector<std::int64_t> count;
  std::vector<float> weights;
  std::int64_t stride = 0;

  const float* of(std::int64_t i) const { return weights.data() + i * stride; }
};

/// A triangle of half the width `scale`, or 1 where the side grows, as Pillow has it
/// (`precompute_coeffs` in its Resample.c).
Taps make_taps(std::int64_t old_side, double start, double length, std::int64_t new_side) {
  const double scale = length / static_cast<double>(new_side);
  const double support = std::max(scale, 1.0);
  Taps taps;
  taps.stride = std::min(old_side, static_cast<std::int64_t>(std::ceil(support)) * 2 + 1);
  taps.first.resize(static_cast<std::size_t>(new_side));
  taps.count.resize(taps.first.size());
  taps.weights.resize(static_cast<std::size_t>(new_side * taps.stride));
  std::vector<double> weights(static_cast<std::size_t>(taps.stride));
  for (std::size_t i = 0; i < taps.first.size(); ++i) {
    const double center = start + (static_cast<double>(i) + 0.5) * scale;
    const std::int64_t first =
        std::clamp(static_cast<std::int64_t>(std::floor(center - support + 0.5)), std::int64_t{0},
                   old_side - 1);
    const std::int64_t end = std::clamp(
        static_cast<std::int64_t>(std::floor(center + support + 0.5)), first + 1, old_side);
    double sum = 0;
    for (std::int64_t k = 0; k < end - first; ++k) {
      const double distance = (static_cast<double>(first + k) - center + 0.5) / support;
      const double weight = std::max(0.0, 1 - std::abs(distance));
      weights[static_cast<std::size_t>(k)] = weight;
      sum += weight;
    }
    taps.first[i] = first;
    taps.count[i] = end - first;
    float* const out = taps.weights.data() + static_cast<std::int64_t>(i) * taps.stride;
    for (std::int64_t k = 0; k < end - first; ++k) {
      out[k] = static_cast<float>(weights[static_cast<std::size_t>(k)] / sum);
    }
  }
  return taps;
}

/// out[x] = the sum over k of weights[k] * rows[k * stride + x], for x < length.
template <typename Value>
[[gnu::always_inline]] inline void mix_rows_of(const Value* rows, std::int64_t stride,
                                               const float* weights, std::int64_t count,
                                               std::int64_t length, float* __restrict out) {
  if (count == 2) {  // as everywhere where the side grows
    for (std::int64_t x = 0; x < length; ++x) {
      out[x] = weights[0] * static_cast<float>(rows[x]) +
               weights[1] * static_cast<float>(rows[stride + x]);
    }
    return;
  }
  std::fill_n(out, length, 0.0F);
  std::int64_t k = 0;
  // Four rows a turn: the sums are read and written a quarter as often.
  for (; k + 4 <= count; k += 4) {
    const Value* const a = rows + k * stride;
    const Value* const b = a + stride;
    const Value* const c = b + stride;
    const Value* const d = c + stride;
    const float wa = weights[k];
    const float wb = weights[k + 1];
    const float wc = weights[k + 2];
    const float wd = weights[k + 3];
    for (std::int64_t x = 0; x < length; ++x) {
      out[x] += wa * static_cast<float>(a[x]) + wb * static_cast<float>(b[x]) +
                wc * static_cast<float>(c[x]) + wd * static_cast<float>(d[x]);
    }
  }
  for (; k < count; ++k) {
    const Value* const a = rows + k * stride;
    const float wa = weights[k];
    for (std::int64_t x = 0; x < length; ++x) out[x] += wa * static_cast<float>(a[x]);
  }
}

DCGAN_MULTIVERSION
void mix_rows(const std::uint8_t* rows, std::int64_t stride, const float* weights,
              std::int64_t count, std::int64_t length, float* __restrict out) {
  mix_rows_of(rows, stride, weights, count, length, out);
}

DCGAN_MULTIVERSION
void mix_rows(const float* rows, std::int64_t stride, const float* weights, std::int64_t count,
              std::int64_t length, float* __restrict out) {
  mix_rows_of(rows, stride, weights, count, length, out);
}

/// The same along a row of interleaved pixels: out has the new side's pixels.
template <int channels, typename Value>
void mix_columns(const Value* row, const Taps& taps, float* out) {
  for (std::size_t i = 0; i < taps.first.size(); ++i, out += channels) {
    const Value* in = row + taps.first[i] * channels;
    const float* const weights = taps.of(static_cast<std::int64_t>(i));
    float sums[channels] = {};
    for (std::int64_t k = 0; k < taps.count[i]; ++k, in += channels) {
      for (int c = 0; c < channels; ++c) sums[c] += weights[k] * static_cast<float>(in[c]);
    }
    std::copy_n(sums, channels, out);
  }
}

DCGAN_MULTIVERSION
void store_bytes(const float* __restrict values, std::int64_t count, std::uint8_t* __restrict out) {
  for (std::int64_t i = 0; i < count; ++i) {
    out[i] = static_cast<std::uint8_t>(std::clamp(values[i] + 0.5F, 0.0F, 255.0F));
  }
}

/// Moves the taps so that they begin at the first pixel that they touch, which is returned.
std::int64_t rebase(Taps& taps) {
  const std::int64_t first = taps.first.front();
  for (std::int64_t& position : taps.first) position -= first;
  return first;
}

/// Where the height shrinks it goes first, a row at a time; else the width does, so that what lies
/// between is no larger than the result.
template <int channels>
void resample(const Image& image, Taps rows, Taps columns, Image& target) {
  // The part of the image that the taps touch.
  const std::int64_t pitch = image.width * channels;
  const std::uint8_t* const source =
      image.pixels.data() + rebase(rows) * pitch + rebase(columns) * channels;
  const std::int64_t height = rows.first.back() + rows.count.back();
  const std::int64_t old_line = (columns.first.back() + columns.count.back()) * channels;
  const std::int64_t new_line = target.width * channels;
  const bool shrinks = target.height <= height;
  std::vector<float> line(static_cast<std::size_t>(new_line));
  std::vector<float> mixed(static_cast<std::size_t>(shrinks ? old_line : height * new_line));
  if (!shrinks) {
    for (std::int64_t y = 0; y < height; ++y) {
      mix_columns<channels>(source + y * pitch, columns, mixed.data() + y * new_line);
    }
  }
  for (std::int64_t y = 0; y < target.height; ++y) {
    const std::int64_t first = rows.first[static_cast<std::size_t>(y)];
    const std::int64_t count = rows.count[static_cast<std::size_t>(y)];
    if (shrinks) {
      mix_rows(source + first * pitch, pitch, rows.of(y), count, old_line, mixed.data());
      mix_columns<channels>(mixed.data(), columns, line.data());
    } else {
      mix_rows(mixed.data() + first * new_line, new_line, rows.of(y), count, new_line, line.data());
    }
    store_bytes(line.data(), new_line, target.pixels.data() + y * new_line);
  }
}

}  // namespace

Image resize(const Image& image, std::int64_t height, std::int64_t width) {
  return resize(image, {0, 0, static_cast<double>(image.height), static_cast<double>(image.width)},
                height, width);
}

Image resize(const Image& image, const Box& box, std::int64_t height, std::int64_t width) {
  if (image.channels != 1 && image.channels != 3) {
    throw std::invalid_argument("resize: an image with alpha");
  }
  if (height == image.height && width == image.width && box.height == static_cast<double>(height) &&
      box.width == static_cast<double>(width)) {
    return image;
  }
  Taps rows = make_taps(image.height, box.top, box.height, height);
  Taps columns = make_taps(image.width, box.left, box.width, width);
  Image target = blank_image(height, width, image.channels);
  const auto run = image.channels == 1 ? resample<1> : resample<3>;
  run(image, std::move(rows), std::move(columns), target);
  return target;
}

}  // namespace dcgan
