#include "kernels/multi_tensor.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/multiversion.h"
#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

using Tensors = std::vector<torch::Tensor>;

/// Numbers in a block: enough to be worth a thread's while, few enough to share out evenly.
constexpr std::int64_t kBlockNumbers = 8192;

DCGAN_MULTIVERSION
void adam_block(float* __restrict p, const float* __restrict g, float* __restrict m,
                float* __restrict v, std::int64_t count, const AdamCoefficients& numbers) {
  const auto beta1 = static_cast<float>(numbers.beta1);
  const auto one_minus_beta1 = static_cast<float>(1 - numbers.beta1);
  const auto beta2 = static_cast<float>(numbers.beta2);
  const auto one_minus_beta2 = static_cast<float>(1 - numbers.beta2);
  const auto eps = static_cast<float>(numbers.eps);
  const auto step_size = static_cast<float>(numbers.step_size);
  const auto inverse_correction2 = static_cast<float>(numbers.inverse_correction2);
  for (std::int64_t i = 0; i < count; ++i) {
    m[i] = beta1 * m[i] + one_minus_beta1 * g[i];
    v[i] = beta2 * v[i] + one_minus_beta2 * (g[i] * g[i]);
    p[i] -= step_size * m[i] / (std::sqrt(v[i]) * inverse_correction2 + eps);
  }
}

DCGAN_MULTIVERSION
void average_block(float* __restrict average, const float* __restrict tensor, std::int64_t count,
                   float weight) {
  for (std::int64_t i = 0; i < count; ++i) average[i] += weight * (tensor[i] - average[i]);
}

/// Whether the numbers of both lie in the same order, without gaps.
bool same_order(const torch::Tensor& a, const torch::Tensor& b) {
  const auto last = torch::MemoryFormat::ChannelsLast;
  return a.sizes() == b.sizes() && ((a.is_contiguous() && b.is_contiguous()) ||
                                    (a.is_contiguous(last) && b.is_contiguous(last)));
}

/// Calls `work` with blocks of the lists' k-th tensors, which have one order: where their numbers
/// lie, and how many there are.
template <typename Work, typename... Lists>
void each_block(const Work& work, const Tensors& first, const Lists&... others) {
  struct Block {
    std::array<float*, 1 + sizeof...(others)> data;
    std::int64_t count;
  };
  std::vector<Block> blocks;
  for (std::size_t i = 0; i < first.size(); ++i) {
    TORCH_CHECK((... && same_order(first[i], others[i])),
                "tensors of one place differ in size or order");
    for (std::int64_t start = 0; start < first[i].numel(); start += kBlockNumbers) {
      blocks.push_back(
          {{first[i].data_ptr<float>() + start, others[i].template data_ptr<float>() + start...},
           std::min(kBlockNumbers, first[i].numel() - start)});
    }
  }
  parallel_blocks(static_cast<std::int64_t>(blocks.size()), [&](std::int64_t index) {
    const Block& block = blocks[static_cast<std::size_t>(index)];
    work(block.data, block.count);
  });
}

}  // namespace

void adam_update(const Tensors& parameters, const Tensors& gradients, const Tensors& exp_avg,
                 const Tensors& exp_avg_sq, const AdamCoefficients& numbers) {
  const torch::NoGradGuard no_grad;
  Tensors ordered = gradients;
  for (std::size_t i = 0; i < ordered.size(); ++i) {
    if (!same_order(parameters[i], ordered[i])) {
      ordered[i] = torch::empty_like(parameters[i]).copy_(ordered[i]);
    }
  }
  each_block(
      [&](const auto& data, std::int64_t count) {
        adam_block(data[0], data[1], data[2], data[3], count, numbers);
      },
      parameters, ordered, exp_avg, exp_avg_sq);
}

void update_averages(const Tensors& averages, const Tensors& tensors, float weight) {
  const torch::NoGradGuard no_grad;
  each_block(
      [&](const auto& data, std::int64_t count) { average_block(data[0], data[1], count, weight); },
      averages, tensors);
}

}  // namespace dcgan
