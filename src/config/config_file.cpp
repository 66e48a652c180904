// Finding and reading the file that a configuration is in.
#include <algorithm>
#include <fstream>
#include <system_error>
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

}  // namespace

ConfigFile read_config_file(const fs::path& file, const fs::path& shipped) {
  ConfigFile found{.path = file};
  fs::path whole = file;
  whole += ".yaml";
  std::error_code ignored;
  for (const fs::path& path : {file, whole, shipped / file, shipped / whole}) {
    if (!fs::exists(path, ignored) || fs::is_directory(path, ignored)) continue;
    found.is_shipped = path != file && path != whole;
    found.path = path;
    break;
  }
  const fs::file_status status = fs::status(found.path, ignored);
  if (status.type() == fs::file_type::not_found) {
    const std::string otherwise = "'dcgan config --list' shows those that come with dcgan";
    std::vector<std::string> names = yaml_names(file.has_parent_path() ? file.parent_path() : ".");
    const std::vector<std::string> others = yaml_names(shipped);
    names.insert(names.end(), others.begin(), others.end());
    throw usage_error("no such file")
        .in(file)
        .remedy(did_you_mean(file.filename().string(), names, otherwise));
  }
  found.text = read_file(found.path);
  // With a file behind it, too, /dev/stdin lies in no folder of the user's.
  found.is_stream = !fs::is_regular_file(status) || found.path == "/dev/stdin";
  return found;
}

std::vector<std::vector<std::string>> list_configs(const fs::path& shipped) {
  std::vector<std::vector<std::string>> rows;
  for (const std::string& name : yaml_names(shipped)) {
    std::ifstream file(shipped / name);
    std::string line;
    std::getline(file, line);
    rows.push_back(
        {name, trimmed(line.substr(std::min(line.find_first_not_of('#'), line.size())))});
  }
  return rows;
}

}  // namespace dcgan
