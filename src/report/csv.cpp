#include "report/csv.h"

#include <algorithm>

namespace dcgan {
namespace {

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string as_cell(const nlohmann::ordered_json& value) {
  if (value.is_string()) return quoted(value.get<std::string>());
  return value.is_null() ? "" : value.dump();
}

}  // namespace

std::string to_csv(const std::vector<RunRecord>& runs) {
  std::vector<std::string> keys;
  for (const RunRecord& run : runs) {
    for (const auto& line : run.metrics) {
      for (const auto& [key, value] : line.items()) {
        if (value.is_structured()) continue;
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) keys.push_back(key);
      }
    }
  }
  std::string csv = "run";
  for (const std::string& key : keys) csv += ',' + quoted(key);
  csv += '\n';
  for (const RunRecord& run : runs) {
    for (const auto& line : run.metrics) {
      csv += quoted(run.name);
      for (const std::string& key : keys) {
        csv += ',';
        if (line.contains(key) && !line[key].is_structured()) csv += as_cell(line[key]);
      }
      csv += '\n';
    }
  }
  return csv;
}

}  // namespace dcgan
