#include "cli/inspect.h"

#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "base/file.h"
#include "base/text.h"
#include "cli/summary.h"
#include "config/fields.h"
#include "config/resolve.h"
#include "data/dataset.h"
#include "dcgan/sampler.h"
#include "evaluate/classifier.h"
#include "evaluate/guided.h"
#include "evaluate/neighbours.h"
#include "generate/generator_file.h"
#include "model/archive.h"
#include "model/foreign_module.h"
#include "model/plan.h"
#include "runtime/device.h"
#include "runtime/torch.h"
#include "sources/output_file.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

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

void add_tensors(Json& json, const NamedTensors& tensors) {
  std::int64_t numbers = 0;
  Json list = Json::array();
  for (const auto& [name, tensor] : tensors) {
    numbers += tensor.numel();
    list.push_back({{"name", name}, {"shape", tensor.sizes().vec()}});
  }
  json["tensor_count"] = tensors.size();
  json["numbers"] = numbers;
  json["tensors"] = list;
}

struct Report {
  Json json;
  std::string tables;  ///< below the JSON's simple values, in a text
};

/// How the report on a file of ours begins.
Json begin_report(const fs::path& path, const Archive& archive) {
  Json json{{"file", path.string()},
            {"kind", format_of(archive.kind)},
            {"format_version", kArchiveFormatVersion}};
  for (const auto& [key, value] : archive.notes) json[key] = value;
  const std::vector<std::string> names = noted_class_names(archive);
  if (!names.empty()) json["class_names"] = names;  // from 0 on
  add_tensors(json, archive.tensors);
  return json;
}

/// A g.pt, a checkpoint or a snapshot of averages of ours.
Report report_archive(const Archive& archive, const fs::path& path) {
  const Config config = parse_config(archive.config, path.string() + ": config.yaml");
  const bool is_checkpoint = archive.kind == ArchiveKind::checkpoint;
  const auto step = archive.numbers.find("step");

  Json json = begin_report(path, archive);
  json["step"] = step == archive.numbers.end() ? 0 : step->second;
  for (const Field& field : config_fields()) {
    json["config"][field.key] = as_json(field.get(config));
  }
  json["generator"] = layers_as_json(plan_generator(config));
  std::string tables = fmt::format("\n{}\n{}", to_yaml(config), describe(plan_generator(config)));
  if (is_checkpoint) {
    json["discriminator"] = layers_as_json(plan_discriminator(config));
    tables += fmt::format("\n{}", describe(plan_discriminator(config)));
  }
  return {json, tables};
}

/// A feature network of ours.
Report report_features(const Archive& archive, const fs::path& path) {
  const ClassifierFile file = read_classifier(archive, path);
  Json json = begin_report(path, archive);
  json["input"] = file.classifier.layers.front().plan.input;
  json["features"] = kFeatureCount;
  json["classes"] = file.classifier.layers.back().plan.output[0];
  json["set"] = file.set;
  json["dataset_crc32"] = file.fingerprint;
  json["images"] = file.images;
  json["epochs"] = file.epochs;
  json["seed"] = file.seed;
  json["flip"] = file.flip;
  json["test_images"] = file.test_images;
  json["test_correct"] = file.test_correct;
  json["test_accuracy"] =
      static_cast<double>(file.test_correct) / static_cast<double>(file.test_images);
  return {json, ""};
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
  Json json{{"file", path.string()}, {"kind", "TorchScript"}};
  add_tensors(json, tensors);
  std::vector<std::vector<std::string>> rows;
  for (const Json& tensor : json["tensors"]) {
    rows.push_back({to_text(tensor["name"]), to_text(tensor["shape"])});
  }
  return {json, '\n' + format_table({"tensor", "shape"}, rows)};
}

Report report_file(const fs::path& path) {
  const std::string bytes = read_file(path);
  const std::optional<Archive> archive = parse_archive(bytes, path);
  if (!archive) return report_foreign(bytes, path);
  return archive->kind == ArchiveKind::features ? report_features(*archive, path)
                                                : report_archive(*archive, path);
}

/// The picture of `inspect --features`.
void draw_features(const Inspect& options) {
  constexpr std::int64_t kImages = 3000;
  require_folder_of(*options.features);
  prepare_machine("cpu", /*threads=*/0);
  const auto [path, config, discriminator] = open_discriminator(options.path);
  const DataConfig data = in_folder(config.data, options.data.value_or(config.data.path));
  keep_out_of_pictures("--features", *options.features, *options.features, data);
  const torch::Tensor images = load_dataset(data).images;
  const torch::Tensor some = images.index_select(0, evenly_spaced(images.size(0), kImages));
  const torch::Tensor sheet = draw_strong_units(discriminator, config, some);
  write_png(*options.features, to_images(sheet.unsqueeze(0)).front());
  std::cout << *options.features << '\n';
}

}  // namespace

int Inspect::run() const {
  if (features) {
    draw_features(*this);
    return 0;
  }
  // Of a run, the newest checkpoint says the most: it holds both networks.
  const Report report = report_file(find_generator_file(path, /*raw=*/true));
  std::cout << (json ? to_document(report.json) : to_lines(report.json) + report.tables);
  return 0;
}

}  // namespace dcgan::cli
