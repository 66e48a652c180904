#include "cli/features_train.h"

#include <fmt/format.h>

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
#include "sources/output_file.h"
#include "training/load_data.h"
#include "training/log.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// What would keep the file from being written, found before minutes of training.
void check_output(const FeaturesTrain& options) {
  require_folder_of(options.out);
  if (!fs::exists(options.out) || (options.force && !fs::is_directory(options.out))) return;
  throw usage_error("is there already")
      .in("--out " + options.out)
      .remedy("name a new file, or replace a file with --force");
}

/// What the configuration says, or what is in the folder: a set's own format, or pictures in a
/// folder for each class.
DataConfig find_data(const FeaturesTrain& options) {
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

}  // namespace

int FeaturesTrain::run() {
  DataConfig set = find_data(*this);
  check_output(*this);
  const Machine machine = prepare_machine(device, threads);
  Log log(Verbosity::normal);
  if (!machine.warning.empty()) log.warn(machine.warning);
  set.split = DataSplit::train;
  const Dataset train_set = load_dataset(set, log);
  set.image_size = {train_set.images.size(2), train_set.images.size(3)};
  set.limit = 0;
  set.split = DataSplit::test;
  const Dataset test_set = load_dataset(set, log);
  log.info(fmt::format("{}: {} images of {} x {}, {} classes", train_set.name,
                       format_count(train_set.size()), train_set.images.size(2),
                       train_set.images.size(3), count_classes(train_set)));
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
  save_classifier(out, record);
  std::cout << fmt::format(
      "{}: {} classes, {} features, {:.2f} % of {} test images right\n", out,
      classifier->layers.back().plan.output[0], kFeatureCount,
      100.0 * static_cast<double>(record.test_correct) / static_cast<double>(record.test_images),
      format_count(record.test_images));
  return 0;
}

}  // namespace dcgan::cli
