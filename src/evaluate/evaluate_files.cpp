// From files to a report: what `dcgan evaluate` does.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include "base/text.h"
#include "config/fields.h"
#include "data/dataset.h"
#include "data/image_files.h"
#include "dcgan/error.h"
#include "dcgan/evaluate.h"
#include "dcgan/image.h"
#include "dcgan/sampler.h"
#include "evaluate/evaluate.h"
#include "evaluate/project.h"
#include "generate/generator_file.h"
#include "runtime/device.h"
#include "runtime/random.h"
#include "runtime/torch.h"
#include "sources/output_file.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// What is measured --------------------------------------------------------------------------------

/// Images that were read, or a generator that makes them.
struct Source {
  std::string name;
  torch::Tensor images;  ///< uint8 [N, C, H, W]
  std::optional<Sampler> sampler;
};

Source open_source(const EvaluateOptions& options, torch::Device device) {
  if (options.images.empty()) {
    const fs::path path = find_generator_file(options.generator);
    return {path.string(), {}, Sampler::open(path, device, options.latent_dim)};
  }
  const LoadedImages loaded = load_images(options.images, options.samples,
                                          options.config.value_or(Config()).data.background);
  for (const std::string& warning : loaded.warnings) options.on_progress(warning);
  const std::int64_t count = loaded.images.size(0);
  if (count >= kMinImages) return {options.images.string(), loaded.images, {}};
  throw failure(fmt::format("holds {} image{}, but evaluate needs at least {}", count,
                            count == 1 ? "" : "s", kMinImages))
      .in(options.images);
}

// Real images -------------------------------------------------------------------------------------

struct RealImages {
  Dataset training;
  Dataset reference;         ///< the other split
  torch::Tensor trained_on;  ///< uint8 [N, C, H, W]: those of `training` that data.limit leaves
};

/// The real images' configuration. --data takes the size of the samples; a configuration has one.
DataConfig find_data(const EvaluateOptions& options, const Source& source,
                     const torch::Tensor& samples) {
  const std::array made{samples.size(1), samples.size(2), samples.size(3)};
  DataConfig data;
  if (options.config) {
    data = options.config->data;
  } else if (source.sampler && source.sampler->config()) {
    data = source.sampler->config()->data;
  } else if (!options.data.empty()) {
    data.path.clear();  // named below
    data.channels = made[0];
    data.image_size = {made[1], made[2]};
  } else {
    throw failure("does not say which real images to compare with")
        .in(source.name)
        .remedy("name them with --data or --config");
  }
  if (!options.data.empty()) data = in_folder(data, options.data.string());
  const std::array real{data.channels, data.image_size[0], data.image_size[1]};
  if (made == real) return data;
  throw failure(fmt::format("its images are {}, but those of {} are {} (channels, height, width)",
                            fmt::join(made, " x "),
                            options.config ? "--config" : "the configuration",
                            fmt::join(real, " x ")))
      .in(source.name);
}

RealImages load_real_images(const EvaluateOptions& options, DataConfig data) {
  options.on_progress(fmt::format("reading {}", data.path));
  if (!has_other_split(data)) {
    throw failure(
        "data.held_out is 0, so that no real image was kept from training to measure against")
        .in(data.path)
        .key("data.held_out")
        .remedy("name others with --data, or with --config a configuration that holds some out");
  }
  const std::int64_t limit = data.limit;
  data.limit = 0;
  RealImages real;
  real.training = load_dataset(data);
  const torch::Tensor& all = real.training.images;
  real.trained_on = limit > 0 ? all.slice(0, 0, limit) : all;
  real.reference = load_dataset(other_split(data));
  for (const Dataset* set : {&real.training, &real.reference}) {
    // With a cache both splits know of all damaged files.
    const bool said = set == &real.reference && set->warning == real.training.warning;
    if (!set->warning.empty() && !said) options.on_progress(set->warning);
    if (set->size() >= kMinImages) continue;
    throw failure(fmt::format("{} images, but evaluate needs at least {}", set->size(), kMinImages))
        .in(set->name);
  }
  return real;
}

/// Images of the training images' classes, one for each, and what classifiers learn from both.
void score_classifiers(Report& report, const EvaluateOptions& options, const Sampler& sampler,
                       const RealImages& real, torch::Device device) {
  Dataset training = real.training;
  training.images = real.trained_on;
  training.labels = training.labels.slice(0, 0, training.size());
  options.on_progress(
      fmt::format("generating {} images to learn from", format_count(training.size())));
  const torch::Tensor latents = sampler.draw_latents(options.seed, 0, training.size());
  const torch::Tensor generated =
      sampler.generate(sampler.choose_classes(latents, training.labels.to(torch::kInt64)));
  ClassifierOptions learning{.seed = options.seed, .device = device};
  learning.flip = sampler.config() && sampler.config()->data.flip;
  learning.epoch_done = [&](std::int64_t epoch, double) {
    options.on_progress(
        fmt::format("training a classifier, epoch {} of {}", epoch, learning.epochs));
  };
  add_classifier_score(report, generated, training, real.reference, learning);
}

/// The generator's classes, which must be those of the real images.
void require_classes(const Source& source, const RealImages& real) {
  const std::int64_t classes = source.sampler->class_count();
  const std::int64_t there = std::max(real.training.labels.max().item<std::int64_t>(),
                                      real.reference.labels.max().item<std::int64_t>()) +
                             1;
  if (classes == there) return;
  throw failure(
      fmt::format("the generator has {} classes, its real images have {}", classes, there))
      .in(source.name)
      .remedy("--classifier-score needs the data set that the generator was trained on");
}

// Results -----------------------------------------------------------------------------------------

/// The samples that are nearest to a training image, the nearest first, each beside it.
void write_neighbours(const fs::path& file, const Copies& copies, const torch::Tensor& samples,
                      const torch::Tensor& trained_on) {
  constexpr std::int64_t kPairs = 64;
  constexpr std::int64_t kPairsInARow = 8;
  const torch::Tensor nearest =
      copies.distances.argsort().narrow(0, 0, std::min(kPairs, copies.distances.size(0)));
  const torch::Tensor left = samples.index_select(0, copies.sample_rows.index_select(0, nearest));
  const torch::Tensor right =
      trained_on.index_select(0, copies.training_rows.index_select(0, nearest));
  GridOptions grid;
  grid.columns = kPairsInARow;
  grid.padding = 4;
  grid.background = 128;
  write_png(file, make_grid(to_images(torch::cat({left, right}, /*dim=*/3)), grid));
}

/// By pixels alone, so that it compares generators whatever D they had.
Recovery measure_recovery(const EvaluateOptions& options, const Sampler& sampler,
                          const RealImages& real, const torch::Tensor& samples) {
  const std::int64_t count =
      std::min({options.recovery, real.reference.size(), real.trained_on.size(0), samples.size(0)});
  options.on_progress(fmt::format("searching latents for {} images", 3 * count));
  const auto error_of = [&](const torch::Tensor& images) {
    const torch::Tensor some =
        choose_images(images, count, options.seed, Purpose::projection_images);
    return mean_of(project(sampler, some, {}, options.seed).errors);
  };
  return {count, error_of(real.reference.images), error_of(real.trained_on), error_of(samples)};
}

}  // namespace

Report evaluate(const EvaluateOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto [device, threads, warning] = prepare_machine(options.device, options.threads);
  if (!warning.empty()) options.on_progress("warning: " + warning);
  torch::manual_seed(static_cast<std::uint64_t>(options.seed));  // a foreign generator may draw
  const bool has_neighbours = !options.neighbours.empty();
  if (has_neighbours) require_folder_of(options.neighbours.string());
  const Source source = open_source(options, device);
  if (options.classifier_score && (!source.sampler || source.sampler->class_count() == 0)) {
    throw failure("has no classes, so that no classifier can learn from its images")
        .in(source.name)
        .remedy("leave out --classifier-score, or train with model.classes");
  }
  const auto draw_samples = [&](std::int64_t count) {
    if (!source.sampler) return source.images;
    return source.sampler->generate(source.sampler->draw_latents(options.seed, 0, count));
  };
  const DataConfig data = find_data(options, source, draw_samples(1));
  if (has_neighbours) {
    const std::string file = options.neighbours.string();
    keep_out_of_pictures("--neighbours", file, file, data);
  }
  const RealImages real = load_real_images(options, data);
  if (options.classifier_score) require_classes(source, real);
  const Features features = Features::find(options.features, real.training.set, device);

  if (source.sampler) {
    options.on_progress(fmt::format("generating {} images", format_count(options.samples)));
  }
  const torch::Tensor samples = draw_samples(options.samples);
  options.on_progress("computing features");
  const auto describe_images = [&](const torch::Tensor& images) {
    return describe_set(features.compute(images));
  };
  const Described samples_set = describe_images(samples);
  const auto real_rows = [&](const torch::Tensor& rows) {
    return choose_images(rows, samples.size(0), options.seed, Purpose::evaluation_order);
  };
  const torch::Tensor real_images = real_rows(real.training.images);
  const Described real_set = describe_images(real_images);
  const Described reference_set = describe_images(real.reference.images);
  options.on_progress("searching the training images");
  const Copies copies = find_copies(samples, real.trained_on, real.reference.images);
  options.on_progress("measuring");
  Report report = evaluate(samples_set, real_set, reference_set, copies, options.seed);
  add_period_two(report, samples, real_images);
  if (source.sampler && source.sampler->class_count() > 0) {
    if (!options.data.empty() || options.config) {
      report.left_out.emplace_back(
          "class_accuracy: the classes of another data set need not be the generator's; without "
          "--data and --config it is measured on what it was trained on");
    } else {
      const torch::Tensor latents = source.sampler->draw_latents(options.seed, 0, samples.size(0));
      add_class_accuracy(report, samples_set, source.sampler->classes_of(latents),
                         source.sampler->class_count(), real_set, real_rows(real.training.labels));
    }
  }
  if (source.sampler && options.recovery > 0) {
    report.recovery = measure_recovery(options, *source.sampler, real, samples);
  }
  if (options.classifier_score) {
    score_classifiers(report, options, *source.sampler, real, device);
  }
  report.samples = source.name;
  if (source.sampler) report.seed = options.seed;
  report.features = features.name;
  report.features_crc32 = features.checksum;
  report.class_names = features.class_names;
  report.data = real.reference.name;
  report.data_crc32 = real.reference.fingerprint;
  report.reference_split = to_string(other_split(data).split);
  if (has_neighbours) write_neighbours(options.neighbours, copies, samples, real.trained_on);
  options.on_progress("done");
  return report;
}

}  // namespace dcgan
