#include "evaluate/evaluate.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "base/text.h"
#include "dcgan/error.h"
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

/// The mean of independent numbers.
Estimate mean_of(const torch::Tensor& numbers) {
  const double count = static_cast<double>(numbers.size(0));
  return {numbers.mean().item<double>(), numbers.std().item<double>() / std::sqrt(count)};
}

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

// Groups of measures ------------------------------------------------------------------------------

/// The sets of a comparison.
struct Sets {
  const Described& samples;
  const Described& real;
  const Described& reference;
};

/// The measure `key`: `estimate` of the samples, and of the real images.
template <typename Set, typename Function>
void add(Report& report, const std::string& key, const Set& samples, const Set& real,
         const Function& estimate, double by_chance = 0.0) {
  report.measures.push_back({key, estimate(samples), estimate(real), by_chance});
}

void add_distances(Report& report, const Sets& sets, std::int64_t seed) {
  const Gaussian& reference = sets.reference.gaussian;
  add(report, "fid", sets.samples, sets.real, [&](const Described& set) {
    return Estimate{frechet_distance(set.gaussian, reference),
                    frechet_deviation(set.batch.features, set.gaussian, reference)};
  });
  const std::vector<Estimate> kid = kernel_distances(
      {sets.samples.batch.features, sets.real.batch.features}, sets.reference.batch.features, seed);
  report.measures.push_back({"kid", kid[0], kid[1]});
}

void add_overlaps(Report& report, const Sets& sets) {
  const Overlap samples = overlap(sets.samples.manifold, sets.reference.manifold);
  const Overlap real = overlap(sets.real.manifold, sets.reference.manifold);
  const auto add_one = [&](const char* key, const auto& estimate) {
    add(report, key, samples, real, estimate);
  };
  add_one("precision", [](const Overlap& set) { return share_of(set.precise); });
  add_one("recall", [](const Overlap& set) { return reach_of(set.recalled, set.recalled_alone); });
  add_one("density", [](const Overlap& set) { return mean_of(set.density); });
  add_one("coverage", [](const Overlap& set) { return reach_of(set.covered, set.covered_alone); });
}

void add_classes(Report& report, const Sets& sets) {
  if (!sets.samples.classes || !sets.real.classes || !sets.reference.classes) {
    report.left_out.emplace_back(
        "modes, class_kl, confidence and inception_score: these features tell no classes apart");
    return;
  }
  const ClassSummary& samples = *sets.samples.classes;
  const std::vector<std::int64_t>& expected = sets.reference.classes->counts;
  const auto add_one = [&](const char* key, const auto& estimate, double by_chance = 0.0) {
    add(report, key, samples, *sets.real.classes, estimate, by_chance);
  };
  add_one(
      "modes",
      [&](const ClassSummary& classes) {
        return Estimate{static_cast<double>(modes_covered(classes.counts, expected)), 0.0};
      },
      static_cast<double>(modes_lost_by_chance(expected, samples.size())));
  add_one("class_kl",
          [&](const ClassSummary& classes) { return class_divergence(classes.counts, expected); });
  add_one("confidence", [](const ClassSummary& classes) { return mean_of(classes.confidence); });
  report.shares = shares_of(samples);
  report.real_shares = shares_of(*sets.reference.classes);

  const std::int64_t fewest = std::min(sets.samples.size(), sets.real.size());
  if (fewest < kMinScored) {
    report.left_out.push_back(fmt::format(
        "inception_score: it needs {} images of each kind, there are {}", kMinScored, fewest));
    return;
  }
  add(report, "inception_score", sets.samples, sets.real,
      [](const Described& set) { return inception_score(set.batch.logits, kScoreSplits); });
}

void add_duplicates(Report& report, const Sets& sets) {
  const std::int64_t count =
      std::min({sets.samples.size(), sets.real.size(), sets.reference.size()});
  if (count < kMinForTwins) {
    report.left_out.push_back(fmt::format(
        "duplicates: it needs {} images of each kind, there are {}", kMinForTwins, count));
    return;
  }
  // A thousandth of the reference images have a twin, or ten where that is fewer.
  const double rare = std::max(0.001, 10.0 / static_cast<double>(count));
  const double threshold =
      nearest_among(sets.reference.manifold, count).quantile(rare).item<double>();
  add(report, "duplicates", sets.samples, sets.real, [&](const Described& set) {
    Estimate estimate = share_of(nearest_among(set.manifold, count) <= threshold);
    estimate.error *= std::sqrt(2.0);  // twins come in pairs
    return estimate;
  });
}

void add_copies(Report& report, const Copies& copies, std::int64_t seed) {
  const auto add_one = [&](const char* key, const auto& estimate) {
    add(report, key, copies.distances, copies.held_out_distances, estimate);
  };
  // Up to and with the threshold: where real images have exact twins it is 0.
  const double threshold = copy_threshold(copies);
  add_one("memorised", [=](const torch::Tensor& some) { return share_of(some <= threshold); });
  add_one("nearest_median",
          [=](const torch::Tensor& some) { return quantile_of(some, 0.5, seed); });
  add_one("nearest_q01", [=](const torch::Tensor& some) { return quantile_of(some, 0.01, seed); });
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

torch::Tensor choose_images(const torch::Tensor& images, std::int64_t count, std::int64_t seed,
                            Purpose purpose) {
  std::vector<std::int64_t> rows = permutation(seed, purpose, /*position=*/0, images.size(0));
  rows.resize(static_cast<std::size_t>(std::min(count, images.size(0))));
  return images.index_select(0, torch::tensor(rows, torch::kInt64));
}

Described describe_set(FeatureBatch batch) {
  TORCH_CHECK(batch.features.size(0) >= kMinImages, "describe_set needs ", kMinImages, " images");
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
  const Sets sets{samples, real, reference};
  Report report;
  report.sample_count = samples.size();
  report.real_count = real.size();
  report.reference_count = reference.size();
  add_distances(report, sets, seed);
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
  if (of_real.value < kMinRecognised) {
    return leave_out(fmt::format(
        "these features take {:.0f} % of the real images for the class that they are of: they are "
        "made for other images",
        100 * of_real.value));
  }
  report.measures.push_back(
      {"class_accuracy", share_of(samples.classes->labels.eq(asked.labels)), of_real});
}

}  // namespace dcgan
