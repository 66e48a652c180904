// One pass over the memory of many tensors, where a chain of operators would take a pass each.
#pragma once

#include <torch/types.h>

#include <vector>

namespace dcgan {

/// One step's numbers of Adam.
struct AdamCoefficients {
  double beta1 = 0.5;
  double beta2 = 0.999;
  double eps = 1e-8;
  double step_size = 0;            ///< lr / (1 - beta1^t)
  double inverse_correction2 = 1;  ///< 1 / sqrt(1 - beta2^t)
};

/// With g, m, v the gradient and the moments of a parameter p, element by element:
///
///   m = beta1 m + (1 - beta1) g
///   v = beta2 v + (1 - beta2) g^2
///   p = p - step_size * m / (sqrt(v) * inverse_correction2 + eps)
///
/// (Kingma, Ba, "Adam", 2015, algorithm 1.) float32 on a CPU; the k-th tensor of each list belongs
/// to the k-th parameter and has its sizes, moments also its order in memory.
void adam_update(const std::vector<torch::Tensor>& parameters,
                 const std::vector<torch::Tensor>& gradients,
                 const std::vector<torch::Tensor>& exp_avg,
                 const std::vector<torch::Tensor>& exp_avg_sq, const AdamCoefficients& numbers);

/// a = a + weight * (t - a), element by element, for each a of `averages` and the t of
/// `tensors` at its place; float32 on a CPU, of the same sizes and order in memory.
void update_averages(const std::vector<torch::Tensor>& averages,
                     const std::vector<torch::Tensor>& tensors, float weight);

}  // namespace dcgan
