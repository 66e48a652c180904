#include "cli/data.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <iostream>
#include <numeric>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.h"
#include "cli/summary.h"
#include "config/fields.h"
#include "data/batch_stream.h"
#include "dcgan/error.h"
#include "dcgan/image.h"
#include "dcgan/sampler.h"
#include "evaluate/evaluate.h"
#include "fetch/fetch.h"
#include "gan/augment.h"
#include "runtime/torch.h"
#include "sources/image_cache.h"
#include "sources/image_folder.h"
#include "sources/image_source.h"
#include "sources/output_file.h"
#include "training/load_data.h"
#include "training/log.h"
#include "training/trainer.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Decodes every picture below a folder and names all that can't be.
int verify_folder(const std::string& path) {
  const ImageFolder folder = list_images(path, /*classes=*/false);
  std::vector<std::int64_t> all(folder.files.size());
  std::iota(all.begin(), all.end(), 0);
  constexpr RowFormat kSmall{{8, 8, 3}};  // the pixels are not kept
  Log log(Verbosity::normal);
  PrepareBar bar(log);
  const PreparedImages images = decode_into_memory(folder, kSmall, all, std::ref(bar));
  for (const BadImage& one : images.bad) {
    std::cout << fmt::format("{}: {}\n", without_controls((fs::path(path) / one.path).string()),
                             one.problem);
  }
  std::cout << fmt::format("{}: {} images{}\n", path, format_count(images.size()),
                           images.size() == 0 ? "" : fmt::format(" of {}", images.sizes.text()));
  if (const std::string others = describe_others(folder); !others.empty()) {
    std::cout << fmt::format("{}: other files are left out: {}\n", path, others);
  }
  std::cout << std::flush;
  if (images.bad.empty()) return 0;
  throw failure(fmt::format("{} of {} files are damaged or no images",
                            format_count(static_cast<std::int64_t>(images.bad.size())),
                            format_count(static_cast<std::int64_t>(all.size()))))
      .in(path)
      .remedy("mend or remove them");
}

/// Reads every image of a set that is not a known one, and counts. Its files have no sums to check,
/// but those that can't be read are found.
int verify_other(const std::string& path, DataFormat format) {
  DataConfig data;
  data.format = format;
  if (data.format == DataFormat::folder) return verify_folder(path);
  data.path = path;
  data.channels = data.format == DataFormat::mnist ? 1 : 3;
  data.held_out = 0;  // all are read
  data.image_size = {};
  const bool has_splits = has_own_splits(data.format);
  Log log(Verbosity::normal);
  for (const DataSplit split : {DataSplit::train, DataSplit::test}) {
    if (split == DataSplit::test && !has_splits) continue;
    data.split = split;
    const Dataset set = load_dataset(data, log);
    std::cout << fmt::format("{}: {} images of {}{}\n", path, format_count(set.size()),
                             set.originals.text(),
                             has_splits ? fmt::format(" in the {} split", to_string(split)) : "");
  }
  return 0;
}

/// A class's name, or its number, and how many images it has: none where all labels are 0.
Json count_by_class(const Dataset& dataset) {
  Json classes = Json::array();
  if (dataset.labels.max().item<std::int64_t>() == 0) return classes;
  const torch::Tensor counts =
      torch::bincount(dataset.labels.to(torch::kInt64), /*weights=*/{},
                      /*minlength=*/static_cast<std::int64_t>(dataset.classes.size()));
  for (std::int64_t label = 0; label < counts.size(0); ++label) {
    classes.push_back({{"name", class_name(dataset.classes, static_cast<std::size_t>(label))},
                       {"images", counts[label].item<std::int64_t>()}});
  }
  return classes;
}

/// How many images are not trained on; null where they can't be read.
Json count_held_out(const DataConfig& data) {
  if (!has_other_split(data)) return 0;
  try {
    return load_dataset(other_split(data)).size();
  } catch (const Error&) {
    return nullptr;
  }
}

/// What a person wants to know of a set before training on it. Means and deviations: a channel
/// each, of pixels in [0, 1].
Json summarise(const Dataset& dataset, const DataConfig& data, const std::string& picture) {
  constexpr std::int64_t kMaxMeasured = 10'000;
  // At random: evenly spaced ones share what has the same period, and MNIST's training set has
  // such.
  const torch::Tensor images =
      choose_images(dataset.images, kMaxMeasured, /*seed=*/1, Purpose::evaluation_order)
          .to(torch::kFloat32)
          .div(255.0);
  std::vector<double> means;
  std::vector<double> deviations;
  for (const torch::Tensor& values : images.unbind(1)) {
    means.push_back(values.mean().item<double>());
    deviations.push_back(values.std(/*unbiased=*/false).item<double>());
  }
  return {{"name", dataset.name},
          {"images", dataset.size()},
          {"not_trained_on", count_held_out(data)},
          {"smallest", dataset.originals.smallest},
          {"largest", dataset.originals.largest},
          {"shape", images.sizes().slice(1).vec()},
          {"largest_value", std::lround(255 * images.max().item<double>())},
          {"white", dataset.white},
          {"mean", means},
          {"deviation", deviations},
          {"measured", images.size(0)},
          {"picture", picture},
          {"classes", count_by_class(dataset)}};
}

/// The first `count` images that the discriminator will see: of the training's own stream, and
/// changed as they are before it sees them.
torch::Tensor first_seen(const Dataset& dataset, Config config, std::int64_t count) {
  config.train.batch_size = std::min(count, dataset.size());
  BatchStream stream(dataset, stream_options(config, torch::kCPU), /*first_step=*/0);
  const bool symmetric = config.output == OutputRange::tanh;
  torch::Tensor images = stream.next().images;
  Augmentation augmentation = augmentation_of(config);
  augmentation.adaptive = false;  // as where they are always applied
  const StepDraws draws =
      draw_augmentations(augmentation, config.seed, /*first=*/0, images.sizes(), /*noise_share=*/1);
  images = augment(images, augmentation, draws.real, {});
  return symmetric ? images.add(1.0).mul(127.5) : images.mul(255.0);
}

}  // namespace

int DataList::run() const {
  std::cout << format_known_sets(known_sets(), ".");
  return 0;
}

int DataFetch::run() const {
  const KnownSet& set = find_known_set(name);
  const std::string folder = to.value_or("data/" + name);
  Log log(Verbosity::normal);
  FetchOptions fetch{.folder = folder, .sources = set.sources, .force = force};
  if (mirror) fetch.sources = {*mirror};
  fetch.on_line = [&](const std::string& line) {
    log.show_bar("");
    log.info(line);
  };
  fetch.on_progress = [&](std::int64_t done, std::int64_t total, std::int64_t rate) {
    const std::string bar =
        fmt::format("{:3d} %  {} of {}  {}/s", done * 100 / total, format_bytes(done),
                    format_bytes(total), format_bytes(rate));
    log.show_bar(bar.substr(0, static_cast<std::size_t>(terminal_width() - 1)));
  };
  fetch_set(set, fetch);
  std::cout << fmt::format("{}: all of {} is there; train on it with --set data.path={}\n", folder,
                           set.name, shell_quote(folder));
  return 0;
}

int DataVerify::run() const {
  DataConfig data;
  data.path = path;
  data.format = guess_format(data.path);
  // An array is one file; every known set is a folder.
  if (data.format == DataFormat::npy) return verify_other(data.path, data.format);
  // Of pictures all are looked at, whatever their split.
  const std::string set = data.format == DataFormat::folder ? data.path : find_set(data);
  const std::optional<SetCheck> found = verify_known(set);
  if (!found) return verify_other(set, data.format);
  std::cout << found->table << std::flush;
  if (found->all_right) return 0;
  throw failure(fmt::format("not all of {} is as published", found->set->name))
      .in(set)
      .remedy(fmt::format("get the rest with: dcgan data fetch {} --to {} --force",
                          found->set->name, shell_quote(set)));
}

int DataShow::run() {
  const torch::NoGradGuard no_grad;
  require_folder_of(out);
  Log log(Verbosity::normal);
  const Config resolved = read_config(config, overrides).config;
  keep_out_of_pictures("--out", out, out, resolved.data);
  const Dataset dataset = load_dataset(resolved.data, log);
  if (resolved.train.augment_target > 0) {
    log.info("the picture shows every augmentation; train.augment_target applies them to a share");
  }
  const torch::Tensor seen =
      first_seen(dataset, resolved, count).round().clamp(0, 255).to(torch::kUInt8);
  GridOptions grid;
  grid.columns = square_columns(seen.size(0));
  grid.background = 128;  // so that black and white edges are seen
  write_png(out, make_grid(to_images(seen), grid));
  const Json summary = summarise(dataset, resolved.data, out);
  if (json) {
    std::cout << to_document(summary);
    return 0;
  }
  std::cout << to_lines(summary);
  for (const Json& one : summary["classes"]) {
    std::cout << fmt::format("class {:<10}{}\n", to_text(one["name"]), to_text(one["images"]));
  }
  return 0;
}

}  // namespace dcgan::cli
