#include "cli/features_train.h"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <iostream>

#include "base/stop.h"
#include "base/text.h"
#include "data/dataset.h"
#include "dcgan/error.h"
#include "evaluate/classifier.h"
#include "runtime/device.h"
#include "runtime/torch.h"
#include "sources/image_source.h"
#include "training/load_data.h"
#include "training/log.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Everything that would keep the file from being written, found before minutes of training.
void check_output(const FeaturesTrain& options) {
  const fs::path out(*options.out);
  if (fs::is_directory(out)) {
    throw usage_error("is a folder").in("--out " + *options.out).remedy("name a file in it");
  }
  if (fs::exists(out) && !options.force) {
    throw usage_error("is there already")
        .in("--out " + *options.out)
        .remedy("name a new file, or replace it with --force");
  }
  const fs::path folder = out.has_parent_path() ? out.parent_path() : fs::path(".");
  if (!fs::is_directory(folder)) {
    throw failure("no such folder").in(folder).remedy("make it first");
  }
  if (access(folder.c_str(), W_OK) != 0) {
    throw failure("the folder can't be written to").in(folder).remedy("name another with --out");
  }
}

/// What the configuration says, or what is in the folder: a set's own format, or pictures in a
/// folder for each class.
DataConfig find_data(FeaturesTrain& options) {
  DataConfig data;
  if (options.config) {
    data = read_config(options.config, {}).config.data;
  } else {
    data.path = *options.data;
    data.format = guess_format(data.path);
    data.image_size = {0, 0};  // the first image's
    data.channels = data.format == DataFormat::mnist ? 1 : 3;
  }
  data.classes = true;
  return data;
}

/// Pictures take the first one's size, which of photographs is too large to learn from.
void check_size(const FeaturesTrain& options, const DataConfig& data) {
  constexpr std::int64_t kLargest = 256;
  if (options.config || data.format != DataFormat::folder) return;
  DataConfig one = data;
  one.limit = 1;
  one.cache = "none";
  const Dataset first = load_dataset(one);
  const std::int64_t height = first.images.size(2);
  const std::int64_t width = first.images.size(3);
  if (std::max(height, width) <= kLargest) return;
  throw failure(fmt::format("its first picture is {} x {}, more than {}", height, width, kLargest))
      .in(data.path)
      .remedy(
          "name a size with --config FILE, whose data section has format: folder, path, "
          "image_size and channels");
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
      fmt::format("{} of {} images are of classes that {} has no image of", format_count(others),
                  format_count(test.size()), training.name);
  if (rows.size(0) == 0) throw failure(what).in(test.name);
  log.warn(fmt::format("{}: {}; they are left out", test.name, what));
  test.images = test.images.index_select(0, rows);
  test.labels = test.labels.index_select(0, rows);
}

}  // namespace

int FeaturesTrain::run() {
  DataConfig set = find_data(*this);
  check_output(*this);
  const Machine machine = prepare_machine(device, threads);
  Log log(Verbosity::normal);
  if (!machine.warning.empty()) log.warn(machine.warning);
  check_size(*this, set);
  set.split = DataSplit::train;
  const Dataset train_set = load_dataset(set, log);
  set.image_size = {train_set.images.size(2), train_set.images.size(3)};
  set.limit = 0;
  set.split = DataSplit::test;
  Dataset test_set = load_dataset(set, log);
  log.info(fmt::format("{}: {} images of {} x {}, {} classes", train_set.name,
                       format_count(train_set.size()), train_set.images.size(2),
                       train_set.images.size(3), count_classes(train_set)));
  keep_known_classes(train_set, test_set, log);
  log.info(fmt::format("{} epochs, seed {}, {}, {} threads", epochs, seed, machine.device.str(),
                       machine.threads));
  const StopSignal stop;
  const auto start = std::chrono::steady_clock::now();
  const auto epoch_done = [&](std::int64_t epoch, double loss) {
    const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - start;
    const double left =
        spent.count() / static_cast<double>(epoch) * static_cast<double>(epochs - epoch);
    log.info(fmt::format("epoch {}/{}  loss {:.4f}  {}, {} left", epoch, epochs, loss,
                         format_duration(spent.count()), format_duration(left)));
  };
  const std::optional<Network> classifier = train_classifier(
      train_set,
      {epochs, seed, flip, machine.device, epoch_done, [&] { return stop.requested(); }});
  if (!classifier) {
    log.notice("stopped; nothing was written");
    return kExitStopped;
  }
  const ClassifierFile record{.classifier = *classifier,
                              .set = train_set.set,
                              .fingerprint = train_set.fingerprint,
                              .images = train_set.size(),
                              .epochs = epochs,
                              .seed = seed,
                              .flip = flip,
                              .test_images = test_set.size(),
                              .test_correct = count_correct(*classifier, test_set, machine.device),
                              .class_names = train_set.classes};
  save_classifier(*out, record);
  std::cout << fmt::format(
      "{}: {} classes, {} features, {:.2f} % of {} test images right\n", *out,
      classifier->layers.back().plan.output[0], kFeatureCount,
      100.0 * static_cast<double>(record.test_correct) / static_cast<double>(record.test_images),
      format_count(record.test_images));
  return 0;
}

}  // namespace dcgan::cli
