// Between float32 and bfloat16, its upper half, as plain loops that the compiler turns into
// vectors.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace dcgan {

/// to[i] = from[i], exactly.
void widen(const at::BFloat16* from, std::int64_t count, float* to);

/// to[i] = from[i], rounded to the nearest, ties to even; NaN stays NaN.
void narrow(const float* from, std::int64_t count, at::BFloat16* to);

/// Reads a float32 or bfloat16 tensor, piece by piece, as float32.
class FloatReader {
 public:
  /// `tensor` must outlive the reader.
  explicit FloatReader(const torch::Tensor& tensor)
      : floats_(tensor.scalar_type() == at::kFloat ? tensor.data_ptr<float>() : nullptr),
        halves_(floats_ == nullptr ? tensor.data_ptr<at::BFloat16>() : nullptr) {}

  /// `count` numbers from the `start`-th of memory: the tensor's own or, widened, `buffer`'s.
  const float* read(std::int64_t start, std::int64_t count, std::vector<float>& buffer) const {
    if (floats_ != nullptr) return floats_ + start;
    buffer.resize(static_cast<std::size_t>(count));
    widen(halves_ + start, count, buffer.data());
    return buffer.data();
  }

 private:
  const float* floats_;
  const at::BFloat16* halves_;
};

/// Writes a float32 or bfloat16 tensor, piece by piece, from float32.
class FloatWriter {
 public:
  explicit FloatWriter(const torch::Tensor& tensor)
      : floats_(tensor.scalar_type() == at::kFloat ? tensor.data_ptr<float>() : nullptr),
        halves_(floats_ == nullptr ? tensor.data_ptr<at::BFloat16>() : nullptr) {}

  /// `write` is called with where to leave the `count` numbers from the `start`-th of memory on.
  template <typename Write>
  void write(std::int64_t start, std::int64_t count, std::vector<float>& buffer,
             const Write& write) const {
    if (floats_ != nullptr) {
      write(floats_ + start);
      return;
    }
    buffer.resize(static_cast<std::size_t>(count));
    write(buffer.data());
    narrow(buffer.data(), count, halves_ + start);
  }

 private:
  float* floats_;
  at::BFloat16* halves_;
};

}  // namespace dcgan
