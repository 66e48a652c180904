#include "cli/probe.h"

#include <fmt/format.h>

#include <iostream>

#include "base/file.h"
#include "base/launcher.h"
#include "base/text.h"
#include "cli/summary.h"
#include "config/resolve.h"
#include "data/dataset.h"
#include "evaluate/classifier.h"
#include "evaluate/probe.h"
#include "generate/generator_file.h"
#include "model/archive.h"
#include "runtime/device.h"
#include "runtime/torch.h"
#include "sources/image_source.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

/// Of the size that the discriminator takes.
DataConfig find_labelled(const Probe& options, const DataConfig& trained_on) {
  DataConfig data = trained_on;
  if (options.config) data = read_config(options.config, {}).config.data;
  if (options.data) {
    data.path = *options.data;
    data.format = guess_format(data.path);
  }
  data.image_size = trained_on.image_size;
  data.channels = trained_on.channels;
  data.classes = true;
  data.limit = 0;
  data.split = DataSplit::train;
  return data;
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
  const fs::path path = find_generator_file(checkpoint, /*raw=*/true);
  const std::optional<Archive> archive = parse_archive(read_file(path), path);
  if (!archive) throw failure("no checkpoint of dcgan").in(path).remedy("name the folder of a run");
  const Config trained = parse_config(archive->config, path.string() + ": config.yaml");
  const Network discriminator =
      copy_to(load_discriminator(*archive, trained, path), machine.device);
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
