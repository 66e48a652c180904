#include "cli/inspect.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "config/fields.h"
#include "config/resolve.h"
#include "evaluate/classifier.h"
#include "generate/generator_file.h"
#include "model/archive.h"
#include "model/foreign_module.h"
#include "model/plan.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

Json layers_as_json(const NetworkPlan& plan) {
  Json layers = Json::array();
  for (const LayerPlan& layer : plan.layers) {
    layers.push_back({{"name", layer.name},
                      {"layer", describe(layer)},
                      {"input", layer.input},
                      {"output", layer.output},
                      {"parameters", parameter_count(layer)},
                      {"flops", forward_flops(layer)}});
  }
  return layers;
}

/// A field as a JSON value: its YAML is JSON too, but for bare words.
Json as_json(const std::string& yaml) {
  Json value = Json::parse(yaml, nullptr, /*allow_exceptions=*/false);
  return value.is_discarded() ? Json(yaml) : value;
}

/// "12 tensors, 1,234 numbers", and each tensor in the JSON.
std::string report_tensors(const NamedTensors& tensors, Json& json) {
  std::int64_t numbers = 0;
  json["tensors"] = Json::array();
  for (const auto& [name, tensor] : tensors) {
    numbers += tensor.numel();
    json["tensors"].push_back({{"name", name}, {"shape", tensor.sizes().vec()}});
  }
  return fmt::format("{} tensors, {} numbers", tensors.size(), format_count(numbers));
}

/// Which class is which, where the set's own labels are not their numbers; both in the JSON and,
/// with a line end, as text.
std::string report_class_names(const Archive& archive, Json& json) {
  const std::vector<std::string> names = noted_class_names(archive);
  if (names.empty()) return "";
  json["class_names"] = names;
  return fmt::format("classes from 0 on: {}\n", fmt::join(names, ", "));
}

struct Report {
  Json json;
  std::string text;
};

/// How the report on a file of ours begins.
Report begin_report(const fs::path& path, const std::string& kind) {
  return {{{"file", path.string()}, {"kind", kind}, {"format_version", kArchiveFormatVersion}},
          fmt::format("{}: {}, format version {}", path.string(), kind, kArchiveFormatVersion)};
}

/// A g.pt or a checkpoint of ours.
Report report_archive(const Archive& archive, const fs::path& path) {
  const Config config = parse_config(archive.config, path.string() + ": config.yaml");
  const bool is_checkpoint = archive.kind == ArchiveKind::checkpoint;
  const auto step = archive.numbers.find("step");
  const std::int64_t steps = step == archive.numbers.end() ? 0 : step->second;

  Report report = begin_report(path, is_checkpoint ? "dcgan checkpoint" : "dcgan generator");
  report.json["step"] = steps;
  for (const auto& [key, value] : archive.notes) report.json[key] = value;
  const std::string names = report_class_names(archive, report.json);
  for (const Field& field : config_fields()) {
    report.json["config"][field.key] = as_json(field.get(config));
  }
  report.json["generator"] = layers_as_json(plan_generator(config));
  if (is_checkpoint) report.json["discriminator"] = layers_as_json(plan_discriminator(config));
  const std::string tensors = report_tensors(archive.tensors, report.json);

  report.text += fmt::format(", step {}\n{}\n{}\n{}\n{}", format_count(steps), tensors, names,
                             to_yaml(config), describe(plan_generator(config)));
  if (is_checkpoint) report.text += fmt::format("\n{}", describe(plan_discriminator(config)));
  return report;
}

/// A feature network of ours.
Report report_features(const Archive& archive, const fs::path& path) {
  const ClassifierFile record = read_classifier(archive, path);
  const ImageShape& image = record.classifier.layers.front().plan.input;
  const std::int64_t classes = record.classifier.layers.back().plan.output[0];
  const double accuracy =
      static_cast<double>(record.test_correct) / static_cast<double>(record.test_images);

  Report report = begin_report(path, "dcgan feature network");
  report.json["input"] = image;
  report.json["features"] = kFeatureCount;
  report.json["classes"] = classes;
  const std::string names = report_class_names(archive, report.json);
  report.json["set"] = record.set;
  report.json["dataset_crc32"] = record.fingerprint;
  report.json["images"] = record.images;
  report.json["epochs"] = record.epochs;
  report.json["seed"] = record.seed;
  report.json["flip"] = record.flip;
  report.json["test_images"] = record.test_images;
  report.json["test_correct"] = record.test_correct;
  report.json["test_accuracy"] = accuracy;
  const std::string tensors = report_tensors(archive.tensors, report.json);

  report.text += fmt::format(
      "\n{}\n{}\n"
      "input          {} x {} x {} (channels, height, width)\n"
      "features       {}\n"
      "classes        {}\n"
      "trained on     {} images of {} (CRC-32 {}), {} epochs, seed {}{}\n"
      "test accuracy  {:.2f} % of {} images\n",
      tensors, names, image[0], image[1], image[2], kFeatureCount, classes,
      format_count(record.images), record.set.empty() ? "a set of one's own" : record.set,
      record.fingerprint, record.epochs, record.seed, record.flip ? ", mirrored" : "",
      100.0 * accuracy, format_count(record.test_images));
  return report;
}

/// Somebody else's TorchScript: what can be said without running it.
Report report_foreign(const std::string& bytes, const fs::path& path) {
  const torch::jit::Module module = load_foreign_module(bytes, path, torch::kCPU);
  NamedTensors tensors;
  const auto add = [&](const auto& list) {
    for (const auto& named : list) tensors.emplace_back(named.name, named.value);
  };
  add(module.named_parameters(true));
  add(module.named_buffers(true));
  Report report;
  report.json["file"] = path.string();
  report.json["kind"] = "TorchScript";
  const std::string count = report_tensors(tensors, report.json);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, tensor] : tensors) {
    rows.push_back(
        {name, fmt::format("{}", fmt::join(tensor.sizes(), " x ")), format_count(tensor.numel())});
  }
  report.text = fmt::format("{}: a TorchScript that dcgan did not write, {}\n\n{}", path.string(),
                            count, format_table({"tensor", "shape", ">numbers"}, rows));
  return report;
}

Report report_file(const fs::path& path) {
  const std::string bytes = read_file(path);
  const std::optional<Archive> archive = parse_archive(bytes, path);
  if (!archive) return report_foreign(bytes, path);
  return archive->kind == ArchiveKind::features ? report_features(*archive, path)
                                                : report_archive(*archive, path);
}

}  // namespace

int Inspect::run() const {
  // Of a run, the newest checkpoint says the most: it holds both networks.
  const Report report = report_file(find_generator_file(path, /*raw=*/true));
  std::cout << (json ? report.json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n'
                     : report.text);
  return 0;
}

}  // namespace dcgan::cli
