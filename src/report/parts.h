// The page's files, which lie inside the library.
#pragma once

#include <string_view>

namespace dcgan {

std::string_view page_html();
std::string_view page_css();
std::string_view charts_js();
std::string_view page_js();

}  // namespace dcgan
