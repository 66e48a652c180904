#include "export/metadata.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "base/json.h"
#include "base/text.h"
#include "config/fields.h"
#include "config/resolve.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

using OrderedJson = nlohmann::ordered_json;

/// Each key with its value as YAML.
std::string config_as_json(const Config& config) {
  OrderedJson values = OrderedJson::object();
  for (const Field& field : config_fields()) values[field.key] = field.get(config);
  return json_text(values);
}

/// {"seed": "1", "data.format": "mnist"} as a YAML document.
std::string config_as_yaml(const std::string& json) {
  const OrderedJson parsed = OrderedJson::parse(json);
  std::map<std::string, std::string> sections;
  for (const auto& [key, value] : parsed.items()) {
    const std::string section = section_of(key);
    sections[section] += fmt::format("{}{}: {}\n", section.empty() ? "" : "  ", name_of(key),
                                     value.get<std::string>());
  }
  std::string yaml;
  for (const auto& [section, lines] : sections) {
    if (!section.empty()) yaml.append(section).append(":\n");
    yaml += lines;
  }
  return yaml;
}

}  // namespace

std::string json_list(const std::vector<std::string>& texts) {
  return json_text(OrderedJson(texts));
}

Metadata file_metadata(const ExportedNetwork& network) {
  Metadata metadata{{"network", network.plan.name},
                    {"step", std::to_string(network.step)},
                    {"config", config_as_json(network.config)}};
  if (!network.classes.empty()) metadata["classes"] = json_list(network.classes);
  return metadata;
}

std::optional<ExportedNetwork> read_metadata(const Metadata& metadata,
                                             const std::filesystem::path& path) {
  if (!metadata.contains("config")) return std::nullopt;
  ExportedNetwork network;
  try {
    network.config =
        parse_config(config_as_yaml(metadata.at("config")), path.string() + ": its metadata");
    network.plan.name = metadata.at("network");
    network.step = parse_integer(metadata.at("step")).value();
    const auto classes = metadata.find("classes");
    if (classes != metadata.end()) OrderedJson::parse(classes->second).get_to(network.classes);
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    throw damaged("its metadata are not those that dcgan export writes")
        .in(path)
        .remedy("export it again");
  }
  return network;
}

}  // namespace dcgan
