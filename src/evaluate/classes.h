// What a classifier says of a set of images: which classes, how evenly, how surely.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "dcgan/evaluate.h"

namespace dcgan {

/// Of N images. Each belongs to the class of its largest logit.
struct ClassSummary {
  torch::Tensor labels;      ///< int64 [N]
  torch::Tensor counts;      ///< float64 [classes]
  torch::Tensor confidence;  ///< float64 [N]: the largest probability

  std::int64_t size() const { return labels.size(0); }
};

/// The share of each class.
std::vector<double> shares_of(const ClassSummary& classes);

/// logits: float32 [N, classes], CPU.
ClassSummary summarise_classes(const torch::Tensor& logits);

/// The classes that have at least a tenth of their share among the real images, of those that the
/// real images have: the modes that are not lost. Counts here: ClassSummary's, of the same classes.
std::int64_t modes_covered(const torch::Tensor& counts, const torch::Tensor& real_counts);

/// The most classes that so many samples may lack by chance: fewer than one in 2000 sets of `size`
/// images with the real ones' shares lacks more.
double modes_lost_by_chance(const torch::Tensor& real_counts, std::int64_t size);

/// KL(samples || real) of the shares, in nats: 0 for equal shares, ln 10 for one class out of ten
/// even ones. Each real class counts half an image more than it has, so that a class that the real
/// images lack costs much instead of infinitely much.
Estimate class_divergence(const torch::Tensor& counts, const torch::Tensor& real_counts);

/// exp of the mean KL(p(y|x) || p(y)): Salimans, Goodfellow, Zaremba, Cheung, Radford, Chen,
/// "Improved techniques for training GANs" (2016), here of the classifier that gave the logits.
/// Split i takes rows i, i + splits, ...: sets that are sorted by class do no harm. logits: float32
/// [N, classes], N >= splits >= 2.
Estimate inception_score(const torch::Tensor& logits, std::int64_t splits = 10);

}  // namespace dcgan
