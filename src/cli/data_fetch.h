// `dcgan data fetch`: what it is told.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/text.h"
#include "cli/command.h"
#include "fetch/known_sets.h"

namespace dcgan::cli {

struct DataFetch : Command {
  static constexpr const char* kName = "data fetch";
  static constexpr const char* kMeaning = "Download a known set, check its sums and unpack it";

  std::string name;                   ///< of a known set
  std::optional<std::string> to;      ///< the folder; else data/<name>
  std::optional<std::string> mirror;  ///< URL of a folder with the files
  bool force = false;                 ///< replace files that are there and wrong

  void bind(Flags& flags) {
    flags.positional("NAME", "The set, as 'dcgan data list' shows it", name);
    flags.text("--to", "DIR", "Where to put it (default: data/NAME)", to);
    flags.text("--mirror", "URL", "The folder that has the files, instead of the usual sources",
               mirror);
    flags.on("--force", "Replace files that are there and are not the published ones", force);
    flags.footer(
        "A download that was cut goes on where it stopped when the command is run again. Proxies "
        "and\n"
        "certificates: http_proxy, https_proxy, no_proxy, CURL_CA_BUNDLE, SSL_CERT_FILE.\n\n"
        "Examples:\n"
        "  dcgan data fetch fashion-mnist\n"
        "  dcgan data fetch cifar10 --to /data/cifar10 --mirror https://mirror.example.org/cifar");
  }

  void check() const {
    if (name.empty()) {
      throw missing("data fetch needs the name of a set", "dcgan data fetch fashion-mnist");
    }
    find_known_set(name);
    const std::string url = lower_case(mirror.value_or("http://"));
    if (!url.starts_with("http://") && !url.starts_with("https://")) {
      throw usage_error(
          fmt::format("--mirror must be a URL that begins with http:// or https://, not '{}'",
                      printable(*mirror)));
    }
  }

  int run() const;
};

}  // namespace dcgan::cli
