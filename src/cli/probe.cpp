#include "cli/probe.h"

#include <fmt/format.h>

#include <iostream>

#include "base/launcher.h"
#include "base/text.h"
#include "cli/summary.h"
#include "config/resolve.h"
#include "data/dataset.h"
#include "evaluate/classifier.h"
#include "evaluate/probe.h"
#include "generate/generator_file.h"
#include "runtime/device.h"
#include "runtime/torch.h"

namespace dcgan::cli {
namespace {

/// Of the size that the discriminator takes.
DataConfig find_labelled(const Probe& options, const DataConfig& trained_on) {
  DataConfig data = in_folder(trained_on, options.data.value_or(trained_on.path));
  if (options.config) data = read_config(options.config, {}).config.data;
  data.image_size = trained_on.image_size;
  data.channels = trained_on.channels;
  data.classes = true;
  data.limit = 0;
  data.split = DataSplit::train;
  if (has_other_split(data)) return data;
  throw failure("data.held_out is 0, so that no image is left to test a classifier on")
      .in(data.path)
      .key("data.held_out")
      .remedy(
          "name labelled images with --data, or with --config a configuration that holds some "
          "out");
}

LabelledImages labelled(const Dataset& set) { return {set.images, set.labels.to(torch::kInt64)}; }

Json as_json(const std::vector<ProbeResult>& results) {
  Json rows = Json::array();
  for (const ProbeResult& result : results) {
    rows.push_back({{"features", result.features},
                    {"size", result.size},
                    {"accuracy", result.accuracy},
                    {"error", result.error},
                    {"l2", result.l2}});
  }
  return rows;
}

std::string as_table(const std::vector<ProbeResult>& results) {
  std::vector<std::vector<std::string>> rows;
  for (const ProbeResult& result : results) {
    rows.push_back({result.features, format_count(result.size),
                    fmt::format("{:.2f} ± {:.2f}", 100 * result.accuracy, 100 * result.error),
                    result.l2 > 0 ? format_real(result.l2) : ""});
  }
  return format_table({"features", ">numbers", ">accuracy %", ">l2"}, rows);
}

}  // namespace

int Probe::run() const {
  if (read_launch().rank > 0) return 0;  // one process does it
  const Machine machine = prepare_machine(device, threads);
  const auto [path, trained, on_cpu] = open_discriminator(checkpoint);
  const Network discriminator = copy_to(on_cpu, machine.device);
  const DataConfig set = find_labelled(*this, trained.data);
  const Dataset training = load_dataset(set);
  const Dataset test = load_dataset(other_split(set));
  count_classes(training);  // an error without them
  const bool saw_labels = trained.model.classes > 0;
  const std::vector<ProbeResult> results =
      probe(discriminator, trained, labelled(training), labelled(test),
            {labels, seed, [](const std::string& text) { std::cerr << text << '\n'; }});
  if (json) {
    const Json report{
        {"checkpoint", path.string()}, {"data", training.name}, {"images", training.size()},
        {"test_images", test.size()},  {"labels", labels},      {"saw_labels", saw_labels},
        {"results", as_json(results)}};
    std::cout << to_document(report);
    return 0;
  }
  std::cout << fmt::format("{} on {}: {} labelled images, {} to test\n", path.string(),
                           training.name,
                           labels > 0 ? fmt::format("{} of each class, 5 choices", labels)
                                      : format_count(training.size()),
                           format_count(test.size()))
            << as_table(results);
  if (saw_labels) {
    std::cout
        << "D was told the classes while it was trained (model.classes): its features are not "
           "learned without labels\n";
  }
  return 0;
}

}  // namespace dcgan::cli
