// HTML pages in one file, which ask no server for anything.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace dcgan {

/// By name: the files of a page, which lie inside the library, and the texts that stand in them.
using PageParts = std::map<std::string, std::string>;

/// files["index.html"] with each {{name}} replaced by the text or file of that name, which is not
/// searched again.
std::string fill_page(const PageParts& files, const PageParts& texts);

/// JSON that stands in a <script>: no text in it can end that. What is no UTF-8 becomes U+FFFD.
std::string script_json(const nlohmann::ordered_json& json);

/// Base64 with padding, RFC 4648.
std::string to_base64(std::string_view bytes);

}  // namespace dcgan
