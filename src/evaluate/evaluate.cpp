#include "evaluate/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include "base/text.h"
#include "dcgan/error.h"
#include "evaluate/kid.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// Features that take a smaller share of real images for their own class are made for others.
constexpr double kFewestRecognised = 0.5;

constexpr std::int64_t kResamples = 100;  ///< where a resample costs no more than its draws
constexpr std::int64_t kScoreSplits = 10;
constexpr std::int64_t kFewestScored = 10 * kScoreSplits;
constexpr std::int64_t kFewestForTwins = 100;

// Errors ------------------------------------------------------------------------------------------

/// The mean of independent numbers.
Estimate mean_of(const torch::Tensor& numbers) {
  const double count = static_cast<double>(numbers.size(0));
  return {numbers.mean().item<double>(), numbers.std().item<double>() / std::sqrt(count)};
}

Estimate share_of(const torch::Tensor& holds) { return mean_of(holds.to(torch::kFloat64)); }

double deviation_of(const std::vector<double>& numbers) {
  return torch::tensor(numbers, torch::kFloat64).std().item<double>();
}

/// The bootstrap deviation of `measure` of float64 numbers.
double bootstrap(const torch::Tensor& numbers, std::int64_t seed,
                 const std::function<double(const torch::Tensor&)>& measure) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < kResamples; ++i) {
    const auto rows = resample(seed, Purpose::evaluation_resamples, i, numbers.size(0));
    values.push_back(measure(numbers.index_select(0, torch::tensor(rows, torch::kInt64))));
  }
  return deviation_of(values);
}

Estimate quantile_of(const torch::Tensor& numbers, double q, std::int64_t seed) {
  const auto measure = [q](const torch::Tensor& some) { return some.quantile(q).item<double>(); };
  return {measure(numbers), bootstrap(numbers, seed, measure)};
}

/// The share of numbers up to a threshold. Up to and with it: where real images have exact twins it
/// is 0.
Estimate share_within(const torch::Tensor& numbers, double threshold) {
  return share_of(numbers <= threshold);
}

// Groups of measures ------------------------------------------------------------------------------

/// The sets of a comparison.
struct Sets {
  const Described& samples;
  const Described& real;
  const Described& reference;
  std::int64_t seed;
};

void add_distances(Report& report, const Sets& sets) {
  const auto fid = [&](const Described& set) {
    return Estimate{frechet_distance(set.gaussian, sets.reference.gaussian),
                    frechet_deviation(set.batch.features, sets.reference.gaussian, sets.seed)};
  };
  report.measures.push_back({"fid", fid(sets.samples), fid(sets.real)});
  KidOptions options;
  options.seed = sets.seed;
  // Of a set's half at most, or the subsets would be all alike and show no deviation.
  options.subset_size = std::min({options.subset_size, sets.samples.size() / 2,
                                  sets.real.size() / 2, sets.reference.size() / 2});
  const std::vector<Kid> distances = kids({sets.samples.batch.features, sets.real.batch.features},
                                          sets.reference.batch.features, options);
  report.measures.push_back({"kid",
                             {distances[0].mean, distances[0].deviation},
                             {distances[1].mean, distances[1].deviation}});
}

void add_overlaps(Report& report, const Sets& sets) {
  const Overlap samples = overlap(sets.samples.manifold, sets.reference.manifold);
  const Overlap real = overlap(sets.real.manifold, sets.reference.manifold);
  report.measures.push_back({"precision", mean_of(samples.precise), mean_of(real.precise)});
  report.measures.push_back({"recall", mean_of(samples.recalled), mean_of(real.recalled)});
  report.measures.push_back({"density", mean_of(samples.density), mean_of(real.density)});
  report.measures.push_back({"coverage", mean_of(samples.covered), mean_of(real.covered)});
}

/// A number of the class counts, with its bootstrap deviation.
Estimate class_estimate(const ClassSummary& classes, std::int64_t seed,
                        const std::function<double(const std::vector<std::int64_t>&)>& measure) {
  const auto* const labels = classes.labels.data_ptr<std::int64_t>();
  std::vector<double> values;
  for (std::int64_t i = 0; i < kResamples; ++i) {
    std::vector<std::int64_t> counts(classes.counts.size());
    for (const std::int64_t row :
         resample(seed, Purpose::evaluation_resamples, i, classes.size())) {
      ++counts[static_cast<std::size_t>(labels[row])];
    }
    values.push_back(measure(counts));
  }
  return {measure(classes.counts), deviation_of(values)};
}

void add_classes(Report& report, const Sets& sets) {
  if (!sets.samples.classes || !sets.real.classes || !sets.reference.classes) {
    report.left_out.emplace_back(
        "modes, class_kl, confidence and inception_score: these features tell no classes apart");
    return;
  }
  const ClassSummary& samples = *sets.samples.classes;
  const ClassSummary& real = *sets.real.classes;
  const std::vector<std::int64_t>& expected = sets.reference.classes->counts;
  const auto add = [&](const char* key, const auto& measure) {
    report.measures.push_back({key, class_estimate(samples, sets.seed, measure),
                               class_estimate(real, sets.seed, measure)});
  };
  add("modes", [&](const std::vector<std::int64_t>& counts) {
    return static_cast<double>(modes_covered(counts, expected));
  });
  add("class_kl",
      [&](const std::vector<std::int64_t>& counts) { return class_divergence(counts, expected); });
  report.measures.push_back({"confidence", mean_of(samples.confidence), mean_of(real.confidence)});
  report.shares = shares_of(samples);
  report.real_shares = shares_of(*sets.reference.classes);

  const std::int64_t fewest = std::min(sets.samples.size(), sets.real.size());
  if (fewest < kFewestScored) {
    report.left_out.push_back(fmt::format(
        "inception_score: it needs {} images of each kind, there are {}", kFewestScored, fewest));
    return;
  }
  const auto score = [](const Described& set) {
    const InceptionScore result = inception_score(set.batch.logits, kScoreSplits);
    return Estimate{result.mean, result.deviation};
  };
  report.measures.push_back({"inception_score", score(sets.samples), score(sets.real)});
}

/// How near another image counts as a twin, and what that could as well have been.
struct TwinDistance {
  double threshold;
  double nearer;
  double farther;
};

/// nearest: of each reference image to the nearest other. A thousandth of them have a twin, or ten
/// where that is fewer. These are half as many pairs, a Poisson number.
TwinDistance twin_distance(const torch::Tensor& nearest) {
  constexpr double kRare = 0.001;
  constexpr double kFewest = 10.0;
  const auto count = static_cast<double>(nearest.size(0));
  const double twins = std::max(kRare * count, kFewest);
  const double spread = twins / std::sqrt(twins / 2.0);
  const auto distance_of = [&](double of_them) {
    return nearest.quantile(of_them / count).item<double>();
  };
  return {distance_of(twins), distance_of(twins - spread), distance_of(twins + spread)};
}

void add_duplicates(Report& report, const Sets& sets) {
  const std::int64_t count =
      std::min({sets.samples.size(), sets.real.size(), sets.reference.size()});
  if (count < kFewestForTwins) {
    report.left_out.push_back(fmt::format(
        "duplicates: it needs {} images of each kind, there are {}", kFewestForTwins, count));
    return;
  }
  const TwinDistance twin = twin_distance(nearest_among(sets.reference.manifold, count));
  const auto share = [&](const Described& set) {
    const torch::Tensor distances = nearest_among(set.manifold, count);
    Estimate estimate = share_within(distances, twin.threshold);
    const double more = share_within(distances, twin.farther).value;
    const double fewer = share_within(distances, twin.nearer).value;
    estimate.error = std::hypot(estimate.error, (more - fewer) / 2.0);
    return estimate;
  };
  report.measures.push_back({"duplicates", share(sets.samples), share(sets.real)});
}

void add_copies(Report& report, const Copies& copies, std::int64_t seed) {
  const double threshold = copy_threshold(copies);
  report.measures.push_back({"memorised", share_within(copies.distances, threshold),
                             share_within(copies.held_out_distances, threshold)});
  const auto add = [&](const char* key, double q) {
    report.measures.push_back({key, quantile_of(copies.distances, q, seed),
                               quantile_of(copies.held_out_distances, q, seed)});
  };
  add("nearest_median", 0.5);
  add("nearest_q01", 0.01);
}

std::optional<ClassSummary> classes_of(const FeatureBatch& batch) {
  if (!batch.logits.defined()) return std::nullopt;
  return summarise_classes(batch.logits);
}

void require_finite(const FeatureBatch& batch) {
  const auto is_finite = [](const torch::Tensor& numbers) {
    return !numbers.defined() || numbers.isfinite().all().item<bool>();
  };
  if (is_finite(batch.features) && is_finite(batch.logits)) return;
  throw failure(
      "the feature network gives NaN or infinity for some images, so nothing can be measured with "
      "it; name another with --features");
}

}  // namespace

void require_telling(const Described& real) {
  const torch::Tensor& features = real.batch.features;
  if (!torch::equal(features.amax(0), features.amin(0))) return;
  throw failure(fmt::format(
      "the features of {} real images are all the same, so nothing can be measured with them; name "
      "others with --features or train.features",
      format_count(real.size())));
}

torch::Tensor choose_images(const torch::Tensor& images, std::int64_t count, std::int64_t seed,
                            Purpose purpose) {
  std::vector<std::int64_t> rows = permutation(seed, purpose, /*position=*/0, images.size(0));
  rows.resize(static_cast<std::size_t>(std::min(count, images.size(0))));
  return images.index_select(0, torch::tensor(rows, torch::kInt64));
}

Described describe_set(FeatureBatch batch) {
  TORCH_CHECK(batch.features.size(0) >= kFewestImages, "describe_set needs ", kFewestImages,
              " images");
  require_finite(batch);
  Described set;
  set.gaussian = fit_gaussian(batch.features);
  set.manifold = make_manifold(batch.features);
  set.classes = classes_of(batch);
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
  require_telling(reference);
  const Sets sets{samples, real, reference, seed};
  Report report;
  report.sample_count = samples.size();
  report.real_count = real.size();
  report.reference_count = reference.size();
  add_distances(report, sets);
  add_overlaps(report, sets);
  add_classes(report, sets);
  add_duplicates(report, sets);
  add_copies(report, copies, seed);
  return report;
}

void add_class_accuracy(Report& report, const Described& samples, const AskedClasses& asked,
                        const Described& real, const torch::Tensor& labels) {
  const auto leave_out = [&report](const std::string& why) {
    report.left_out.push_back("class_accuracy: " + why);
  };
  if (!samples.classes || !real.classes) return leave_out("these features tell no classes apart");
  const std::int64_t known = samples.batch.logits.size(1);
  if (known != asked.count) {
    return leave_out(fmt::format("these features tell {} classes apart, the generator has {}",
                                 known, asked.count));
  }
  const Estimate of_real = share_of(real.classes->labels.eq(labels));
  if (of_real.value < kFewestRecognised) {
    return leave_out(fmt::format(
        "these features take {:.0f} % of the real images for the class that they are of: they are "
        "made for other images",
        100 * of_real.value));
  }
  report.measures.push_back(
      {"class_accuracy", share_of(samples.classes->labels.eq(asked.labels)), of_real});
}

}  // namespace dcgan
