#include "report/parts.h"

// DCGAN_REPORT_DIR: this folder, from CMake, which builds this file again when one of the page's
// files has changed.
// clang-format off
#define DCGAN_EMBED(symbol, file)                        \
  asm(".section .rodata\n"                               \
      #symbol "_begin:\n"                                \
      ".incbin \"" DCGAN_REPORT_DIR "/" file "\"\n"      \
      #symbol "_end:\n"                                  \
      ".previous\n");                                    \
  extern "C" {                                           \
  __attribute__((visibility("hidden"))) extern const char symbol##_begin[]; \
  __attribute__((visibility("hidden"))) extern const char symbol##_end[];   \
  }
// clang-format on

DCGAN_EMBED(dcgan_report_html, "page.html")
DCGAN_EMBED(dcgan_report_css, "page.css")
DCGAN_EMBED(dcgan_report_charts, "charts.js")
DCGAN_EMBED(dcgan_report_page, "page.js")

namespace dcgan {

std::string_view page_html() { return {dcgan_report_html_begin, dcgan_report_html_end}; }
std::string_view page_css() { return {dcgan_report_css_begin, dcgan_report_css_end}; }
std::string_view charts_js() { return {dcgan_report_charts_begin, dcgan_report_charts_end}; }
std::string_view page_js() { return {dcgan_report_page_begin, dcgan_report_page_end}; }

}  // namespace dcgan
