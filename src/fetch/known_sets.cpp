#include "fetch/known_sets.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr const char* kTable =
#include "known_sets_yaml.h"  // CMake makes it of data/known_sets.yaml
    ;

std::string text(const YAML::Node& node, const char* key) { return node[key].as<std::string>(""); }

KnownFile read_known_file(const YAML::Node& node) {
  return {text(node, "name"), node["bytes"].as<std::int64_t>(), text(node, "sha256"),
          text(node, "content_sha256")};
}

std::vector<KnownSet> read_table() {
  std::vector<KnownSet> sets;
  for (const YAML::Node& node : YAML::Load(kTable)) {
    KnownSet& set = sets.emplace_back();
    set.name = text(node, "name");
    set.sources = node["sources"].as<std::vector<std::string>>();
    if (node["archive"]) set.archive = read_known_file(node["archive"]);
    for (const YAML::Node& file : node["files"]) set.files.push_back(read_known_file(file));
    set.images = text(node, "images");
    set.shape = text(node, "shape");
    set.classes = text(node, "classes");
    set.licence = text(node, "licence");
    set.homepage = text(node, "homepage");
    set.system_folder = text(node, "system_folder");
  }
  return sets;
}

}  // namespace

const std::vector<KnownSet>& known_sets() {
  static const std::vector<KnownSet> sets = read_table();
  return sets;
}

const KnownSet& find_known_set(std::string_view name) {
  std::vector<std::string> names;
  for (const KnownSet& set : known_sets()) {
    if (set.name == name) return set;
    names.push_back(set.name);
  }
  throw usage_error(fmt::format("unknown data set '{}'", printable(name)))
      .remedy(did_you_mean(name, names, "it must be " + or_list(names)));
}

}  // namespace dcgan
