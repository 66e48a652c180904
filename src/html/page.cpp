#include "html/page.h"

#include <openssl/evp.h>

#include "base/json.h"

namespace dcgan {

std::string fill_page(const PageParts& files, const PageParts& texts) {
  std::string page;
  std::string_view rest = files.at("index.html");
  for (std::size_t open = 0; (open = rest.find("{{")) != std::string_view::npos;) {
    const std::size_t close = rest.find("}}", open);
    const std::string name(rest.substr(open + 2, close - open - 2));
    const auto text = texts.find(name);
    page.append(rest.substr(0, open)).append(text != texts.end() ? text->second : files.at(name));
    rest.remove_prefix(close + 2);
  }
  return page.append(rest);
}

std::string script_json(const nlohmann::ordered_json& json) {
  std::string text = json_text(json);
  // The only character that could end the element, and one that JSON has in strings alone.
  constexpr std::string_view kEscaped = "\\u003c";
  for (std::size_t at = 0; (at = text.find('<', at)) != std::string::npos; at += kEscaped.size()) {
    text.replace(at, 1, kEscaped);
  }
  return text;
}

std::string to_base64(std::string_view bytes) {
  std::string text((bytes.size() + 2) / 3 * 4 + 1, '\0');  // OpenSSL ends it with a zero
  EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                  reinterpret_cast<const unsigned char*>(bytes.data()),
                  static_cast<int>(bytes.size()));
  text.pop_back();
  return text;
}

}  // namespace dcgan
