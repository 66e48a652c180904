#include "model/projection.h"

#include "runtime/torch.h"

namespace dcgan {
namespace {

/// [N, n] of the numbers [N, 1 + K], each plus the first: those of classes [N, n].
torch::Tensor logits_of(const torch::Tensor& numbers, const torch::Tensor& classes) {
  const torch::Tensor rows = numbers.flatten(1);
  return rows.narrow(1, 0, 1) + rows.narrow(1, 1, rows.size(1) - 1).gather(1, classes);
}

}  // namespace

torch::Tensor logits_of_class(const torch::Tensor& numbers, const torch::Tensor& classes) {
  return logits_of(numbers, classes.unsqueeze(1)).squeeze(1);
}

torch::Tensor logits_of_other_classes(const torch::Tensor& numbers, const torch::Tensor& classes) {
  // From 0 on, and one further from the image's own class on.
  const torch::Tensor others = torch::arange(numbers.size(1) - 2, classes.options()).unsqueeze(0);
  return logits_of(numbers, others + others.ge(classes.unsqueeze(1)));
}

}  // namespace dcgan
