// The commands of `dcgan data`: what they are told.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/command.h"
#include "fetch/known_sets.h"

namespace dcgan::cli {

struct DataList : Command {
  static constexpr const char* kName = "data list";
  static constexpr const char* kMeaning =
      "Show the known sets: size, licence, and where they are already";

  void bind(Flags& flags) { flags.footer("Example:\n  dcgan data list"); }

  int run() const;
};

struct DataFetch : Command {
  static constexpr const char* kName = "data fetch";
  static constexpr const char* kMeaning = "Download a known set, check its sums and unpack it";

  std::string name;                   ///< of a known set
  std::optional<std::string> to;      ///< the folder; else data/<name>
  std::optional<std::string> mirror;  ///< URL of a folder with the files
  bool force = false;                 ///< replace files that are there and wrong

  void bind(Flags& flags) {
    flags.positional("SET", "The set, as 'dcgan data list' shows it", name);
    flags.text("--to", "DIR", "Where to put it (default: data/SET)", to);
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
    find_known_set(name);
    const std::string url = mirror.value_or("http");
    refuse(!lower_case(url).starts_with("http"),
           fmt::format("--mirror must be a URL that begins with http:// or https://, not '{}'",
                       printable(url)));
  }

  int run() const;
};

struct DataVerify : Command {
  static constexpr const char* kName = "data verify";
  static constexpr const char* kMeaning =
      "Check that a folder's files are whole and can be trained on";

  std::string path;

  void bind(Flags& flags) {
    flags.positional("DIR", "The folder with the data", path);
    flags.footer("Example:\n  dcgan data verify data/mnist");
  }

  int run() const;
};

struct DataShow : Command {
  static constexpr const char* kName = "data show";
  static constexpr const char* kMeaning =
      "Show the images as training sees them, and what is in the set";

  std::optional<std::string> config;
  /// --set, in order, behind a first one: a data.limit below train.batch_size leaves no batch, but
  /// enough to look at.
  std::vector<Override> overrides{{"--set", "data.drop_last=false"}};
  std::int64_t count = 64;  ///< -n: images in the grid
  std::string out = "data.png";
  bool json = false;  ///< the statistics as JSON

  void bind(Flags& flags) {
    flags.config("Configuration that names the data", config);
    flags.set(overrides);
    flags.integer("-n", 1, 65536, "Number of images (default 64)", count);
    flags.file("--out", ".png", "The PNG to write (default data.png)", out);
    flags.on("--json", "Print what is in the set as JSON", json);
    flags.footer(
        "Examples:\n"
        "  dcgan data show --config mnist.yaml\n"
        "  dcgan data show --config cifar10.yaml -n 100 --out cifar10.png");
  }

  Startup startup() const {
    early_config(config, overrides);  // a mistyped key answers before LibTorch is loaded
    return {};
  }

  int run();
};

}  // namespace dcgan::cli
