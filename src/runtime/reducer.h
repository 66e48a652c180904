// What a training step asks of whoever computes the rest of its batch.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <future>

namespace dcgan {

/// A step's batch is cut into parts of one size, which threads or processes compute side by side.
/// Each part has a reducer; all parts make the same calls in the same order.
class Reducer {
 public:
  virtual ~Reducer() = default;

  virtual std::int64_t parts() const = 0;

  /// In place the sum over all parts, the same bits in each. Contiguous floating-point numbers.
  virtual void sum(const torch::Tensor& numbers) = 0;

  /// The same, side by side with what the part computes next where a reducer can do that: done once
  /// get() of what it returns has come back.
  virtual std::future<void> begin_sum(const torch::Tensor& numbers) {
    return std::async(std::launch::deferred, [this, numbers] { sum(numbers); });
  }

  /// Has `work` done once for all parts that share memory with this one, before any of them goes
  /// on.
  virtual void once(const std::function<void()>& work) = 0;
};

}  // namespace dcgan
