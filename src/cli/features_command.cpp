#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <iostream>

#include "base/stop.h"
#include "base/text.h"
#include "cli/command_context.h"
#include "cli/load_data.h"
#include "config/resolve.h"
#include "data/dataset.h"
#include "dcgan/error.h"
#include "evaluate/classifier.h"
#include "evaluate/classifier_training.h"
#include "runtime/device.h"
#include "runtime/torch.h"
#include "sources/data_format.h"
#include "training/log.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Everything that would keep the file from being written, found before minutes of training.
void check_output(const FeaturesTrainOptions& options) {
  const fs::path out(options.out);
  if (fs::is_directory(out)) {
    throw usage_error(fmt::format("--out {}: is a folder; name a file in it", options.out));
  }
  if (fs::exists(out) && !options.force) {
    throw usage_error(fmt::format(
        "--out {}: is there already; name a new file, or replace it with --force", options.out));
  }
  const fs::path folder = out.has_parent_path() ? out.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw failure(fmt::format("{}: no such folder; make it first", folder.string()));
  }
  if (access(folder.c_str(), W_OK) != 0) {
    throw failure(fmt::format("{}: the folder can't be written to", folder.string()));
  }
}

/// What the configuration says, or what is in the folder: a set's own format, or pictures in a
/// folder for each class.
DataConfig find_data(const FeaturesTrainOptions& options) {
  if (options.config) {
    DataConfig data = options.resolved.config.data;
    data.classes = true;
    return data;
  }
  DataConfig data;
  data.path = *options.data;
  data.format = guess_format(data.path);
  data.image_size = {0, 0};  // the first image's
  data.channels = data.format == DataFormat::mnist ? 1 : 3;
  data.classes = true;
  return data;
}

/// Pictures take the first one's size, which of photographs is too large to learn from.
void check_size(const FeaturesTrainOptions& options, const DataConfig& data) {
  constexpr std::int64_t kLargest = 256;
  if (options.config || data.format != DataFormat::folder) return;
  DataConfig one = data;
  one.limit = 1;
  one.cache = "none";
  const Dataset first = load_dataset(one);
  const std::int64_t height = first.images.size(2);
  const std::int64_t width = first.images.size(3);
  if (std::max(height, width) <= kLargest) return;
  throw failure(fmt::format(
      "{}: its first picture is {} x {}, more than {}; name a size with --config FILE, whose "
      "data section has format: folder, path, image_size and channels",
      data.path, height, width, kLargest));
}

Dataset load_split(DataConfig data, DataSplit split, Log& log) {
  data.split = split;
  return load_dataset(data, log);
}

/// Takes out the images of classes that `training` has none of: nothing could tell them.
void keep_known_classes(const Dataset& training, Dataset& test, Log& log) {
  constexpr std::int64_t kLabels = 256;
  const torch::Tensor known =
      torch::bincount(training.labels.to(torch::kInt64), /*weights=*/{}, kLabels).gt(0);
  const torch::Tensor rows =
      known.index_select(0, test.labels.to(torch::kInt64)).nonzero().squeeze(1);
  const std::int64_t others = test.size() - rows.size(0);
  if (others == 0) return;
  const std::string what =
      fmt::format("{}: {} of {} images are of classes that {} has no image of", test.name,
                  format_count(others), format_count(test.size()), training.name);
  if (rows.size(0) == 0) throw failure(what);
  log.warn(what + "; they are left out");
  test.images = test.images.index_select(0, rows);
  test.labels = test.labels.index_select(0, rows);
}

}  // namespace

int run_features_train(const FeaturesTrainOptions& options) {
  check_output(options);
  const auto [device, threads, warning] = prepare_machine(options.device, options.threads);
  Log log(Verbosity::normal);
  if (!warning.empty()) log.warn(warning);
  DataConfig data = find_data(options);
  check_size(options, data);
  const Dataset train_set = load_split(data, DataSplit::train, log);
  data.image_size = {train_set.images.size(2), train_set.images.size(3)};
  data.limit = 0;
  Dataset test_set = load_split(data, DataSplit::test, log);
  log.info(fmt::format("{}: {} images of {} x {}, {} classes", train_set.name,
                       format_count(train_set.size()), train_set.images.size(2),
                       train_set.images.size(3), count_classes(train_set)));
  keep_known_classes(train_set, test_set, log);
  log.info(fmt::format("{} epochs, seed {}, {}, {} threads", options.epochs, options.seed,
                       device.str(), threads));
  const StopSignal stop;
  const ClassifierCallbacks callbacks{
      [&](const ClassifierEpoch& epoch) {
        const double left = epoch.seconds / static_cast<double>(epoch.epoch) *
                            static_cast<double>(options.epochs - epoch.epoch);
        log.info(fmt::format("epoch {}/{}  loss {:.4f}  {}, {} left", epoch.epoch, options.epochs,
                             epoch.loss, format_duration(epoch.seconds), format_duration(left)));
      },
      [&] { return stop.requested(); }};
  const std::optional<Classifier> classifier =
      train_classifier(train_set, {options.epochs, options.seed, options.flip, device}, callbacks);
  if (!classifier) {
    log.notice("stopped; nothing was written");
    return kExitStopped;
  }
  const ClassifierRecord record{.set = train_set.set,
                                .fingerprint = train_set.fingerprint,
                                .images = train_set.size(),
                                .epochs = options.epochs,
                                .seed = options.seed,
                                .flip = options.flip,
                                .test_images = test_set.size(),
                                .test_correct = count_correct(*classifier, test_set, device),
                                .class_names = train_set.classes};
  save_classifier(options.out, {*classifier, record});
  std::cout << fmt::format(
      "{}: {} classes, {} features, {:.2f} % of {} test images right\n", options.out,
      classifier->classes(), kFeatureCount,
      100.0 * static_cast<double>(record.test_correct) / static_cast<double>(record.test_images),
      format_count(record.test_images));
  return 0;
}

}  // namespace dcgan::cli
