// From files to a report: what `dcgan evaluate` does.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "config/fields.h"
#include "data/dataset.h"
#include "data/image_files.h"
#include "dcgan/error.h"
#include "dcgan/evaluate.h"
#include "dcgan/image.h"
#include "dcgan/sampler.h"
#include "evaluate/evaluate.h"
#include "generate/generator_file.h"
#include "runtime/device.h"
#include "runtime/random.h"
#include "runtime/torch.h"
#include "sources/image_source.h"
#include "sources/output_file.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// What is measured --------------------------------------------------------------------------------

/// Images that were read, or a generator that makes them.
struct Source {
  std::string name;
  std::optional<torch::Tensor> images;
  std::optional<Sampler> sampler;

  /// Image `first` and those behind it: uint8 [count, C, H, W].
  torch::Tensor take(std::int64_t seed, std::int64_t first, std::int64_t count) const {
    if (images) return images->narrow(0, first, count);
    return sampler->generate(sampler->draw_latents(seed, first, count));
  }
};

Source open_source(const EvaluateOptions& options, torch::Device device) {
  Source source;
  if (!options.images.empty()) {
    source.name = options.images.string();
    const LoadedImages loaded = load_images(options.images, options.samples,
                                            options.config.value_or(Config()).data.background);
    for (const std::string& warning : loaded.warnings) options.on_progress(warning);
    source.images = loaded.images;
    const std::int64_t count = source.images->size(0);
    if (count < kMinImages) {
      throw failure(fmt::format("holds {} image{}, but evaluate needs at least {}", count,
                                count == 1 ? "" : "s", kMinImages))
          .in(source.name);
    }
    return source;
  }
  const fs::path path = find_generator_file(options.generator);
  source.name = path.string();
  source.sampler = Sampler::open(path, device, options.latent_dim);
  return source;
}

torch::Tensor draw_samples(const EvaluateOptions& options, const Source& source) {
  if (source.images) return *source.images;
  options.on_progress(fmt::format("generating {} images", format_count(options.samples)));
  constexpr std::int64_t kChunk = 1024;
  std::vector<torch::Tensor> chunks;
  for (std::int64_t first = 0; first < options.samples; first += kChunk) {
    chunks.push_back(source.take(options.seed, first, std::min(kChunk, options.samples - first)));
  }
  return torch::cat(chunks);
}

// Real images -------------------------------------------------------------------------------------

struct RealImages {
  Dataset training;
  Dataset reference;  ///< the other split
  std::string reference_split;
  torch::Tensor trained_on;  ///< uint8 [N, C, H, W]: those of `training` that data.limit leaves
};

std::string describe_size(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return fmt::format("{} x {} x {} (channels, height, width)", channels, height, width);
}

/// The real images' configuration. --data takes the size of the samples; a configuration has one.
DataConfig find_data(const EvaluateOptions& options, const Source& source,
                     const torch::Tensor& sample) {
  const std::int64_t channels = sample.size(1);
  const std::array<std::int64_t, 2> size{sample.size(2), sample.size(3)};
  DataConfig data;
  if (options.config) {
    data = options.config->data;
  } else if (source.sampler && source.sampler->config()) {
    data = source.sampler->config()->data;
  } else if (!options.data.empty()) {
    constexpr std::int64_t kLargest = 1024;  // as data.image_size
    if (std::max(size[0], size[1]) > kLargest) {
      throw failure(fmt::format("its images are {}; images of at most {} x {} can be measured",
                                describe_size(channels, size[0], size[1]), kLargest, kLargest))
          .in(source.name);
    }
    data.path.clear();  // named below
    data.image_size = size;
    data.channels = channels;
  } else {
    throw failure("does not say which real images to compare with")
        .in(source.name)
        .remedy("name them with --data or --config");
  }
  if (!options.data.empty() && options.data != data.path) {
    data.path = options.data.string();
    data.format = guess_format(data.path);
    // Of another set the generator has seen nothing, whatever its own held out.
    if (data.held_out == 0) data.held_out = DataConfig().held_out;
  }
  if (data.image_size != size || data.channels != channels) {
    throw failure(fmt::format("its images are {}, but those of {} are {}",
                              describe_size(channels, size[0], size[1]),
                              options.config ? "--config" : "the configuration",
                              describe_size(data.channels, data.image_size[0], data.image_size[1])))
        .in(source.name);
  }
  return data;
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
  real.trained_on = limit > 0
                        ? real.training.images.narrow(0, 0, std::min(limit, real.training.size()))
                        : real.training.images;
  const DataConfig other = other_split(data);
  real.reference_split = to_string(other.split);
  real.reference = load_dataset(other);
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

}  // namespace

Report evaluate(const EvaluateOptions& options) {
  const torch::NoGradGuard no_grad;
  const auto [device, threads, warning] =
      prepare_machine(options.device, options.threads, Products::one_a_thread);
  if (!warning.empty()) options.on_progress("warning: " + warning);
  torch::manual_seed(static_cast<std::uint64_t>(options.seed));  // a foreign generator may draw
  const bool has_neighbours = !options.neighbours.empty();
  if (has_neighbours) require_folder_of(options.neighbours.string());
  const Source source = open_source(options, device);
  const DataConfig data =
      find_data(options, source, source.take(options.seed, /*first=*/0, /*count=*/1));
  if (has_neighbours) {
    const std::string file = options.neighbours.string();
    keep_out_of_pictures("--neighbours", file, file, data);
  }
  const RealImages real = load_real_images(options, data);
  const Features features = Features::find(options.features, real.training.set, device);

  const torch::Tensor samples = draw_samples(options, source);
  options.on_progress("computing features");
  const auto describe_images = [&](const torch::Tensor& images) {
    return describe_set(features.compute(images));
  };
  const Described samples_set = describe_images(samples);
  const auto real_rows = [&](const torch::Tensor& rows) {
    return choose_images(rows, samples.size(0), options.seed, Purpose::evaluation_order);
  };
  const Described real_set = describe_images(real_rows(real.training.images));
  const Described reference_set = describe_images(real.reference.images);
  options.on_progress("searching the training images");
  const Copies copies = find_copies(samples, real.trained_on, real.reference.images);
  options.on_progress("measuring");
  Report report = evaluate(samples_set, real_set, reference_set, copies, options.seed);
  if (source.sampler && source.sampler->class_count() > 0) {
    if (!options.data.empty() || options.config) {
      report.left_out.emplace_back(
          "class_accuracy: the classes of another data set need not be the generator's; without "
          "--data and --config it is measured on what it was trained on");
    } else {
      const torch::Tensor latents = source.sampler->draw_latents(options.seed, 0, samples.size(0));
      add_class_accuracy(report, samples_set,
                         {source.sampler->classes_of(latents), source.sampler->class_count()},
                         real_set, real_rows(real.training.labels));
    }
  }
  report.samples = source.name;
  if (source.sampler) report.seed = options.seed;
  report.features = features.name;
  report.features_crc32 = features.checksum;
  report.class_names = features.class_names;
  report.data = real.reference.name;
  report.data_crc32 = real.reference.fingerprint;
  report.reference_split = real.reference_split;
  if (has_neighbours) write_neighbours(options.neighbours, copies, samples, real.trained_on);
  options.on_progress("done");
  return report;
}

}  // namespace dcgan
