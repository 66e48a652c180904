// Finding and reading the file that a configuration is in.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <fstream>
#include <optional>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "config/resolve.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// The names of a folder's YAML files, sorted.
std::vector<std::string> yaml_names(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    if (extension == ".yaml" || extension == ".yml") {
      names.push_back(entry->path().filename().string());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

/// What a missing file may have been meant to be, or what there is.
std::string remedy_for_file(const fs::path& file, const fs::path& shipped) {
  const std::vector<std::string> shipped_names = yaml_names(shipped);
  std::vector<std::string> candidates;
  for (const auto& name : yaml_names(file.has_parent_path() ? file.parent_path() : ".")) {
    candidates.push_back((file.parent_path() / name).string());
  }
  if (!file.has_parent_path()) {
    for (const std::string& name : shipped_names) {
      candidates.push_back(file.has_extension() ? name : fs::path(name).stem().string());
    }
  }
  auto near = nearest_match(file.string(), candidates);
  const std::string name = file.filename().string();
  if (!near && std::find(shipped_names.begin(), shipped_names.end(), name) != shipped_names.end()) {
    near = name;
  }
  if (near) return fmt::format("did you mean '{}'?", *near);
  if (file.has_parent_path() || shipped_names.empty()) return "";
  return fmt::format("shipped are {}", fmt::join(shipped_names, ", "));
}

/// The file that `asked` names: itself, or of a name without a folder "<name>.yaml", or a shipped
/// one.
std::pair<fs::path, bool> find_config(const fs::path& asked, const fs::path& shipped) {
  std::error_code ignored;
  const fs::file_status status = fs::status(asked, ignored);
  if (asked.has_parent_path() || (fs::exists(status) && !fs::is_directory(status))) {
    return {asked, false};
  }
  fs::path whole = asked;
  whole += ".yaml";
  if (fs::is_regular_file(whole, ignored)) return {whole, false};
  for (const fs::path& name : {asked, whole}) {
    if (fs::is_regular_file(shipped / name, ignored)) return {shipped / name, true};
  }
  return {asked, false};
}

/// Not by what it is alone: /dev/stdin may be a regular file, but its folder is not /dev.
bool lies_in_no_folder(const fs::path& path, const fs::file_status& status) {
  const std::string text = path.string();
  return !fs::is_regular_file(status) || text == "/dev/stdin" || text.starts_with("/dev/fd/") ||
         text.starts_with("/proc/");
}

}  // namespace

ConfigFile read_config_file(const fs::path& file, const fs::path& shipped) {
  constexpr std::size_t kMax = 1 << 20;
  ConfigFile found;
  std::tie(found.path, found.is_shipped) = find_config(file, shipped);
  std::error_code error;
  const fs::file_status status = fs::status(found.path, error);
  if (status.type() == fs::file_type::not_found) {
    throw usage_error("no such file").in(found.path).remedy(remedy_for_file(file, shipped));
  }
  std::optional<std::string> text;
  try {
    text = read_up_to(found.path, kMax);
  } catch (const Error& problem) {
    throw usage_error(problem.problem()).in(problem.where()).remedy(problem.remedy());
  }
  if (!text) throw usage_error("is too large for a configuration, which is YAML").in(found.path);
  found.is_stream = lies_in_no_folder(found.path, status);
  if (found.is_stream && text->empty()) {
    throw usage_error("is empty").in(found.path).remedy("check the command that writes to it");
  }
  found.text = std::move(*text);
  return found;
}

std::vector<std::pair<std::string, std::string>> list_configs(const fs::path& shipped) {
  std::vector<std::pair<std::string, std::string>> configs;
  for (const std::string& name : yaml_names(shipped)) {
    std::ifstream file(shipped / name);
    std::string line;
    std::getline(file, line);
    configs.emplace_back(name,
                         trimmed(line.substr(std::min(line.find_first_not_of('#'), line.size()))));
  }
  return configs;
}

}  // namespace dcgan
