#include "evaluate/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "dcgan/error.h"
#include "evaluate/spectrum.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Features that take a smaller share of real images for their own class are made for others.
constexpr double kMinRecognised = 0.5;

constexpr std::int64_t kScoreSplits = 10;
constexpr std::int64_t kMinScored = 10 * kScoreSplits;
constexpr std::int64_t kMinForTwins = 100;

// Errors ------------------------------------------------------------------------------------------

/// The share of independent images of which something holds.
Estimate share_of(const torch::Tensor& holds) {
  // Keeps the error's mean right where it holds of one image or of none.
  constexpr double kExtra = 0.125;
  const auto count = static_cast<double>(holds.size(0));
  const double hits = holds.sum().item<double>();
  return {hits / count, std::sqrt((hits + kExtra) * (count - hits + kExtra) / count) / count};
}

/// The share of reference images that the samples reach. alone: how many each sample alone reaches.
/// This is the jackknife (Tukey, 1958) for coverage. For recall it leaves out that the neighbours'
/// balls grow without a sample, with which it is 1.4 times what real images scatter by.
Estimate reach_of(const torch::Tensor& reached, const torch::Tensor& alone) {
  const double spread = alone.std().item<double>() * std::sqrt(static_cast<double>(alone.size(0)));
  return {reached.mean().item<double>(), spread / static_cast<double>(reached.size(0))};
}

/// With its bootstrap deviation.
Estimate quantile_of(const torch::Tensor& numbers, double q, std::int64_t seed) {
  constexpr std::int64_t kResamples = 100;
  std::vector<double> values;
  for (std::int64_t i = 0; i < kResamples; ++i) {
    const auto rows = resample(seed, Purpose::evaluation_resamples, i, numbers.size(0));
    const torch::Tensor some = numbers.index_select(0, torch::tensor(rows, torch::kInt64));
    values.push_back(some.quantile(q).item<double>());
  }
  return {numbers.quantile(q).item<double>(),
          torch::tensor(values, torch::kFloat64).std().item<double>()};
}

// The measures of a set ---------------------------------------------------------------------------

/// What sets are measured against, and which measures they have images enough for.
struct Against {
  const Described& reference;
  std::int64_t seed;
  bool has_classes;
  bool has_score;
  std::int64_t twin_count;  ///< 0 for none
  double twin_distance;
  double copy_distance;
};

/// distances: of the set's images to the nearest training image each.
std::vector<std::pair<const char*, Estimate>> measure(const Described& set,
                                                      const torch::Tensor& distances,
                                                      const Against& against) {
  const Described& reference = against.reference;
  const torch::Tensor& features = set.batch.features;
  const Overlap near = overlap(set.manifold, reference.manifold);
  std::vector<std::pair<const char*, Estimate>> measures{
      {"fid",
       {frechet_distance(set.gaussian, reference.gaussian),
        frechet_deviation(features, set.gaussian, reference.gaussian)}},
      {"kid", kernel_distance(features, reference.batch.features, against.seed)},
      {"precision", share_of(near.precise)},
      {"recall", reach_of(near.recalled, near.recalled_alone)},
      {"density", mean_of(near.density)},
      {"coverage", reach_of(near.covered, near.covered_alone)}};
  if (against.has_classes) {
    const torch::Tensor& counts = set.classes->counts;
    const torch::Tensor& expected = reference.classes->counts;
    const auto modes = static_cast<double>(modes_covered(counts, expected));
    measures.push_back({"modes", {modes, 0.0}});
    measures.push_back({"class_kl", class_divergence(counts, expected)});
    measures.push_back({"confidence", mean_of(set.classes->confidence)});
  }
  if (against.has_score) {
    measures.push_back({"inception_score", inception_score(set.batch.logits, kScoreSplits)});
  }
  if (against.twin_count > 0) {
    Estimate twins =
        share_of(nearest_among(set.manifold, against.twin_count) <= against.twin_distance);
    twins.error *= std::sqrt(2.0);  // they come in pairs
    measures.push_back({"duplicates", twins});
  }
  measures.push_back({"memorised", share_of(distances <= against.copy_distance)});
  measures.push_back({"nearest_median", quantile_of(distances, 0.5, against.seed)});
  measures.push_back({"nearest_q01", quantile_of(distances, 0.01, against.seed)});
  return measures;
}

}  // namespace

void require_distinct_features(const Described& real) {
  const torch::Tensor& features = real.batch.features;
  if (!torch::equal(features.amax(0), features.amin(0))) return;
  throw failure(fmt::format("the features of {} real images are all the same, so nothing can be "
                            "measured with them",
                            format_count(real.size())))
      .remedy("name others with --features or train.features");
}

Estimate mean_of(const torch::Tensor& numbers) {
  const double count = static_cast<double>(numbers.size(0));
  return {numbers.mean().item<double>(), numbers.std().item<double>() / std::sqrt(count)};
}

torch::Tensor choose_images(const torch::Tensor& images, std::int64_t count, std::int64_t seed,
                            Purpose purpose) {
  std::vector<std::int64_t> rows = permutation(seed, purpose, /*position=*/0, images.size(0));
  rows.resize(static_cast<std::size_t>(std::min(count, images.size(0))));
  return images.index_select(0, torch::tensor(rows, torch::kInt64));
}

Described describe_set(FeatureBatch batch) {
  Described set;
  set.gaussian = fit_gaussian(batch.features);
  set.manifold = make_manifold(batch.features);
  if (batch.logits.defined()) set.classes = summarise_classes(batch.logits);
  set.batch = std::move(batch);
  return set;
}

QuickScores score_quickly(const FeatureBatch& samples, const Described& reference) {
  const Described set = describe_set(samples);
  const Overlap counts = overlap(set.manifold, reference.manifold);
  QuickScores scores;
  scores.fid = frechet_distance(set.gaussian, reference.gaussian);
  scores.precision = counts.precise.mean().item<double>();
  scores.recall = counts.recalled.mean().item<double>();
  if (set.classes && reference.classes) {
    scores.modes = modes_covered(set.classes->counts, reference.classes->counts);
    scores.shares = shares_of(*set.classes);
  }
  return scores;
}

Report evaluate(const Described& samples, const Described& real, const Described& reference,
                const Copies& copies, std::int64_t seed) {
  const torch::NoGradGuard no_grad;
  require_distinct_features(reference);
  Report report;
  report.sample_count = samples.size();
  report.real_count = real.size();
  report.reference_count = reference.size();
  const auto leave_out = [&](const char* key, std::int64_t needed, std::int64_t there) {
    report.left_out.push_back(
        fmt::format("{}: it needs {} images of each kind, there are {}", key, needed, there));
  };
  // As near as 1 % of the held-out images are. Up to and with it: where real images have exact
  // twins it is 0.
  const double copy_distance = copies.held_out_distances.quantile(0.01).item<double>();
  Against against{reference, seed, false, false, 0, 0.0, copy_distance};
  const std::int64_t fewest = std::min(samples.size(), real.size());
  double lost_by_chance = 0.0;
  if (samples.classes && real.classes && reference.classes) {
    against.has_classes = true;
    against.has_score = fewest >= kMinScored;
    if (!against.has_score) leave_out("inception_score", kMinScored, fewest);
    lost_by_chance = modes_lost_by_chance(reference.classes->counts, samples.size());
    report.shares = shares_of(*samples.classes);
    report.real_shares = shares_of(*reference.classes);
  } else {
    report.left_out.emplace_back(
        "modes, class_kl, confidence and inception_score: these features tell no classes apart");
  }
  const std::int64_t count = std::min(fewest, reference.size());
  if (count >= kMinForTwins) {
    // A thousandth of the reference images have a twin, or ten where that is fewer.
    const double rare = std::max(0.001, 10.0 / static_cast<double>(count));
    against.twin_count = count;
    against.twin_distance = nearest_among(reference.manifold, count).quantile(rare).item<double>();
  } else {
    leave_out("duplicates", kMinForTwins, count);
  }
  const auto of_samples = measure(samples, copies.distances, against);
  const auto of_real = measure(real, copies.held_out_distances, against);
  for (std::size_t i = 0; i < of_samples.size(); ++i) {
    const auto& [key, estimate] = of_samples[i];
    const bool modes = std::string_view(key) == "modes";
    report.measures.push_back({key, estimate, of_real[i].second, modes ? lost_by_chance : 0.0});
  }
  return report;
}

void add_class_accuracy(Report& report, const Described& samples, const torch::Tensor& asked,
                        std::int64_t classes, const Described& real, const torch::Tensor& labels) {
  const auto leave_out = [&report](const std::string& why) {
    report.left_out.push_back("class_accuracy: " + why);
  };
  const std::int64_t known = samples.classes ? samples.classes->counts.size(0) : 0;
  if (known != classes) {
    return leave_out(
        fmt::format("these features tell {} classes apart, the generator has {}", known, classes));
  }
  const Estimate of_real = share_of(real.classes->labels.eq(labels));
  if (of_real.value < kMinRecognised) {
    return leave_out(fmt::format(
        "these features take {:.0f} % of the real images for the class that they are of: they are "
        "made for other images",
        100 * of_real.value));
  }
  report.measures.push_back(
      {"class_accuracy", share_of(samples.classes->labels.eq(asked)), of_real});
}

void add_period_two(Report& report, const torch::Tensor& samples, const torch::Tensor& real) {
  constexpr double kUnit = 1e4;
  report.measures.push_back({"period2", mean_of(kUnit * period_two_shares(samples)),
                             mean_of(kUnit * period_two_shares(real))});
}

void add_classifier_score(Report& report, const torch::Tensor& generated, const Dataset& training,
                          const Dataset& test, const ClassifierOptions& options) {
  const torch::AutoGradMode grad(true);
  const auto score_of = [&](const torch::Tensor& images) {
    Dataset set = training;
    set.images = images;
    const std::optional<Network> classifier = train_classifier(set, options);
    const std::int64_t correct = count_correct(*classifier, test, options.device);
    return share_of(torch::arange(test.size()).lt(correct));
  };
  const Estimate of_samples = score_of(generated);
  report.measures.push_back({"classifier_score", of_samples, score_of(training.images)});
}

}  // namespace dcgan
