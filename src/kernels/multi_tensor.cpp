#include "kernels/multi_tensor.h"

#include <algorithm>
#include <cmath>

#include "base/multiversion.h"
#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Numbers in a block: enough to be worth a thread's while, few enough to share out evenly.
constexpr std::int64_t kBlockNumbers = 8192;

struct AdamFloats {
  float beta1;
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  float eps;
  float step_size;
  float inverse_correction2;
};

DCGAN_MULTIVERSION
void adam_block(float* __restrict p, const float* __restrict g, float* __restrict m,
                float* __restrict v, std::int64_t count, const AdamFloats& numbers) {
  const AdamFloats a = numbers;
  for (std::int64_t i = 0; i < count; ++i) {
    m[i] = a.beta1 * m[i] + a.one_minus_beta1 * g[i];
    v[i] = a.beta2 * v[i] + a.one_minus_beta2 * (g[i] * g[i]);
    p[i] -= a.step_size * m[i] / (std::sqrt(v[i]) * a.inverse_correction2 + a.eps);
  }
}

DCGAN_MULTIVERSION
void average_block(float* __restrict average, const float* __restrict tensor, std::int64_t count,
                   float weight) {
  for (std::int64_t i = 0; i < count; ++i) average[i] += weight * (tensor[i] - average[i]);
}

/// A part of one tensor of a list.
struct Part {
  std::size_t tensor;
  std::int64_t start;
  std::int64_t count;
};

std::vector<Part> parts_of(const std::vector<torch::Tensor>& tensors) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    const std::int64_t numbers = tensors[i].numel();
    for (std::int64_t start = 0; start < numbers; start += kBlockNumbers) {
      parts.push_back({i, start, std::min(kBlockNumbers, numbers - start)});
    }
  }
  return parts;
}

std::vector<float*> pointers_of(const std::vector<torch::Tensor>& tensors) {
  std::vector<float*> pointers;
  for (const torch::Tensor& tensor : tensors) pointers.push_back(tensor.data_ptr<float>());
  return pointers;
}

/// Whether the numbers of both lie in the same order, without gaps.
bool same_order(const torch::Tensor& a, const torch::Tensor& b) {
  const auto last = torch::MemoryFormat::ChannelsLast;
  return (a.is_contiguous() && b.is_contiguous()) ||
         (a.is_contiguous(last) && b.is_contiguous(last));
}

/// `tensors`, those in another order than their like replaced by copies.
std::vector<torch::Tensor> ordered_as(const std::vector<torch::Tensor>& like,
                                      const std::vector<torch::Tensor>& tensors) {
  std::vector<torch::Tensor> ordered = tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    TORCH_CHECK(like[i].sizes() == tensors[i].sizes(), "tensors of one place differ in size");
    if (!same_order(like[i], tensors[i])) {
      ordered[i] = torch::empty_like(like[i]).copy_(tensors[i]);
    }
  }
  return ordered;
}

void check_order(const std::vector<torch::Tensor>& like,
                 const std::vector<torch::Tensor>& tensors) {
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    TORCH_CHECK(like[i].sizes() == tensors[i].sizes() && same_order(like[i], tensors[i]),
                "tensors of one place differ in size or order");
  }
}

}  // namespace

void adam_update(const std::vector<torch::Tensor>& parameters,
                 const std::vector<torch::Tensor>& gradients,
                 const std::vector<torch::Tensor>& exp_avg,
                 const std::vector<torch::Tensor>& exp_avg_sq, const AdamCoefficients& numbers) {
  const torch::NoGradGuard no_grad;
  check_order(parameters, exp_avg);
  check_order(parameters, exp_avg_sq);
  const std::vector<torch::Tensor> ordered = ordered_as(parameters, gradients);
  const auto p = pointers_of(parameters);
  const auto g = pointers_of(ordered);
  const auto m = pointers_of(exp_avg);
  const auto v = pointers_of(exp_avg_sq);
  const AdamFloats floats{static_cast<float>(numbers.beta1),
                          static_cast<float>(1 - numbers.beta1),
                          static_cast<float>(numbers.beta2),
                          static_cast<float>(1 - numbers.beta2),
                          static_cast<float>(numbers.eps),
                          static_cast<float>(numbers.step_size),
                          static_cast<float>(numbers.inverse_correction2)};
  const std::vector<Part> parts = parts_of(parameters);
  parallel_blocks(static_cast<std::int64_t>(parts.size()), [&](std::int64_t block) {
    const auto [i, start, count] = parts[static_cast<std::size_t>(block)];
    adam_block(p[i] + start, g[i] + start, m[i] + start, v[i] + start, count, floats);
  });
}

void move_averages(const std::vector<torch::Tensor>& averages,
                   const std::vector<torch::Tensor>& tensors, float weight) {
  const torch::NoGradGuard no_grad;
  check_order(averages, tensors);
  const auto to = pointers_of(averages);
  const auto from = pointers_of(tensors);
  const std::vector<Part> parts = parts_of(averages);
  parallel_blocks(static_cast<std::int64_t>(parts.size()), [&](std::int64_t block) {
    const auto [i, start, count] = parts[static_cast<std::size_t>(block)];
    average_block(to[i] + start, from[i] + start, count, weight);
  });
}

}  // namespace dcgan
