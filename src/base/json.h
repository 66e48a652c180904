// JSON as text.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace dcgan {

/// On one line, or indented by so many spaces. What is no UTF-8, as a folder's name need not be,
/// becomes U+FFFD.
template <typename Json>
std::string json_text(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace);
}

}  // namespace dcgan
