#include "training/scorer.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "dcgan/error.h"
#include "dcgan/sampler.h"
#include "generate/generator_file.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
static_assert(kMinEvaluatedSamples >= kMinImages);

std::int64_t evaluation_samples(const Config& config, std::int64_t training_images) {
  constexpr std::int64_t kMax = 2000;
  constexpr std::int64_t kMin = 500;
  constexpr std::int64_t kTrainingImagesPerSample = 20;
  if (config.train.evaluate_samples > 0) return config.train.evaluate_samples;
  const std::int64_t seen =
      training_images * std::min<std::int64_t>(config.train.evaluate_every, kMax);
  const std::int64_t cheap = std::min(kMax, seen / kTrainingImagesPerSample);
  return cheap < kMin ? 0 : cheap;
}

std::optional<Scorer> Scorer::make(const Config& config, const Dataset& training,
                                   torch::Device device, Log& log) {
  const torch::NoGradGuard no_grad;
  if (config.train.evaluate_every == 0) return {};
  Features features = Features::find(config.train.features, training.set, device);
  const auto none = [&](const std::string& reason) -> std::optional<Scorer> {
    log.info("the samples are not evaluated" + reason);
    return {};
  };
  if (!has_other_split(config.data)) {
    return none(": data.held_out is 0, so that all images are trained on");
  }
  const std::int64_t samples = evaluation_samples(config, training.size());
  if (samples == 0) {
    return none(
        fmt::format(": {} images are too few for it to be cheap; set "
                    "train.evaluate_samples, a larger train.evaluate_every, or 0 for none",
                    format_count(training.size())));
  }
  Dataset other;
  try {
    other = load_dataset(other_split(config.data));
  } catch (const Error& error) {
    return none(", for want of real images that were not trained on: " + error.summary());
  }
  // Not the first ones: a set may be sorted, and MNIST's test set begins with the easier half.
  const torch::Tensor held_out =
      choose_images(other.images, 2 * samples, /*seed=*/0, Purpose::data_order);
  if (held_out.size(0) < kMinImages) return none(": too few images were not trained on");
  Described reference = describe_set(features.compute(held_out));
  require_distinct_features(reference);
  const torch::Tensor latents =
      normal_rows(config.seed, Purpose::sample_latents, 0, samples, config.model.latent_dim);
  return Scorer{std::move(features), std::move(reference), samples, latents.to(device),
                config.output};
}

QuickScores Scorer::score(const Network& generator, ProcessGroup* group) const {
  const torch::NoGradGuard no_grad;
  const auto compute = [&](std::int64_t first, std::int64_t count) {
    return features.compute(generate_images(generator, latents.narrow(0, first, count), range));
  };
  if (group == nullptr) return score_quickly(compute(0, samples), reference);
  const std::int64_t share = (samples + group->size() - 1) / group->size();
  // Where they do not divide, some of the last images are computed twice.
  const auto first_of = [&](std::int64_t rank) { return std::min(rank * share, samples - share); };
  const FeatureBatch own = compute(first_of(group->rank()), share);
  const auto put_together = [&](const torch::Tensor& rows) {
    if (!rows.defined()) return rows;
    torch::Tensor all = torch::empty({samples, rows.size(1)});
    const std::vector<torch::Tensor> parts = group->gather(rows);
    for (std::int64_t rank = 0; rank < group->size(); ++rank) {
      all.narrow(0, first_of(rank), share).copy_(parts[static_cast<std::size_t>(rank)]);
    }
    return all;
  };
  const FeatureBatch all{put_together(own.features), put_together(own.logits)};
  return group->leads() ? score_quickly(all, reference) : QuickScores();
}

std::string Scorer::describe() const {
  return fmt::format("{} samples against {} real images in the features of {} (crc32 {})",
                     format_count(samples), format_count(reference.size()), features.name,
                     features.checksum);
}

}  // namespace dcgan
