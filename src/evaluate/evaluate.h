// All measures of a set of samples against real images.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "data/dataset.h"
#include "dcgan/evaluate.h"
#include "evaluate/classes.h"
#include "evaluate/classifier.h"
#include "evaluate/distances.h"
#include "evaluate/features.h"
#include "evaluate/neighbours.h"
#include "runtime/random.h"

namespace dcgan {

/// The fewest images that a set may have.
inline constexpr std::int64_t kMinImages = 10;

/// The mean of independent numbers [N], and its error.
Estimate mean_of(const torch::Tensor& numbers);

/// `count` of the images [N, ...], or all of them, in an order that depends on (seed, purpose)
/// alone.
torch::Tensor choose_images(const torch::Tensor& images, std::int64_t count, std::int64_t seed,
                            Purpose purpose);

/// What is computed once of a set of images and serves every comparison with it.
struct Described {
  FeatureBatch batch;
  Gaussian gaussian;
  Manifold manifold;
  std::optional<ClassSummary> classes;  ///< nothing where the features have no classes

  std::int64_t size() const { return batch.features.size(0); }
};

/// batch: of at least kMinImages images.
Described describe_set(FeatureBatch batch);

/// Throws `failure` where real images have all the same features: by these any sample would be as
/// good as another.
void require_distinct_features(const Described& real);

/// The measures that are cheap enough for each epoch of a training, without errors. Compare them
/// only with those of as many samples.
struct QuickScores {
  double fid = 0.0;
  double precision = 0.0;
  double recall = 0.0;
  std::int64_t modes = 0;      ///< 0 without classes
  std::vector<double> shares;  ///< of each class; empty without classes
};

/// samples: at least kMinImages. The reference's neighbours are not searched again.
QuickScores score_quickly(const FeatureBatch& samples, const Described& reference);

/// Every measure: fills Report's `measures`, `shares`, `real_shares`, `left_out` and counts; where
/// the sets come from is the caller's to say. `real`: images of the other split than the
/// reference, which show what the measures say of real images. `seed`: of resamples and choices.
/// Throws as require_distinct_features() does of the reference.
Report evaluate(const Described& samples, const Described& real, const Described& reference,
                const Copies& copies, std::int64_t seed);

/// Adds `class_accuracy`: the share of samples that the classifier takes for the class they were
/// asked to be of, beside the share of real images that it takes for their own. asked, labels: a
/// class for each sample and for each real image, integers [N]; classes: that the generator has.
/// Leaves it out, with why, where the features have no classes or others than the generator.
void add_class_accuracy(Report& report, const Described& samples, const torch::Tensor& asked,
                        std::int64_t classes, const Described& real, const torch::Tensor& labels);

/// Adds `period2`: the mean of period_two_shares() in units of 10^-4. Images: uint8 [N, C, H, W].
void add_period_two(Report& report, const torch::Tensor& samples, const torch::Tensor& real);

/// Adds `classifier_score` (Ravuri, Vinyals, "Classification accuracy score for conditional
/// generative models", 2019): the share of `test` that a classifier tells right which learned from
/// generated images, beside that of one that learned from `training`. generated: uint8
/// [N, C, H, W], of training's labels, in its order.
void add_classifier_score(Report& report, const torch::Tensor& generated, const Dataset& training,
                          const Dataset& test, const ClassifierOptions& options);

}  // namespace dcgan
