// What a command found, as JSON or as text.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/json.h"
#include "base/text.h"

namespace dcgan::cli {

using Json = nlohmann::ordered_json;

/// "28 x 28", "0.13, 0.2" or "cat, dog" for a list.
inline std::string to_text(const Json& value) {
  if (value.is_string()) return without_controls(value.get<std::string>());
  if (value.is_number_integer()) return format_count(value.get<std::int64_t>());
  if (value.is_number_float()) return fmt::format("{:.4g}", value.get<double>());
  if (value.is_null()) return "unknown";
  if (!value.is_array()) return value.dump();
  std::string text;
  for (const Json& item : value) {
    text += (text.empty() ? "" : item.is_number_integer() ? " x " : ", ") + to_text(item);
  }
  return text;
}

/// A line for each key, "not trained on  6"; none for what holds further objects.
inline std::string to_lines(const Json& json) {
  std::string lines;
  for (const auto& [key, value] : json.items()) {
    if (value.is_object() || (value.is_array() && !value.empty() && value[0].is_object())) continue;
    std::string name = key;
    std::replace(name.begin(), name.end(), '_', ' ');
    lines += fmt::format("{:<16}{}\n", name, to_text(value));
  }
  return lines;
}

/// The document; what is no UTF-8 becomes U+FFFD.
inline std::string to_document(const Json& json) { return json_text(json, 2) + '\n'; }

}  // namespace dcgan::cli
