// `dcgan data show`: what it is told.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/command.h"
#include "cli/read_config.h"

namespace dcgan::cli {

struct DataShow : Command {
  static constexpr const char* kName = "data show";
  static constexpr const char* kMeaning =
      "Show the images as training sees them, and what is in the set";
  static constexpr const char* kNeedsLess =
      "lower -n or data.image_size, or set data.limit to fewer images";

  std::optional<std::string> config;
  /// --set, in order, behind a first one: a data.limit below train.batch_size leaves no batch, but
  /// enough to look at.
  std::vector<Override> overrides{{"--set", "data.drop_last=false"}};
  std::int64_t count = 64;  ///< -n: images in the grid
  std::optional<std::string> asked_out;
  bool json = false;  ///< the statistics as JSON

  void bind(Flags& flags) {
    flags.config("Configuration that names the data", config);
    flags.set(overrides);
    flags.integer("-n", 1, 65536, "Number of images (default 64)",
                  [this](std::int64_t value) { count = value; });
    flags.text("--out", "FILE.png", "The PNG to write (default data.png)", asked_out);
    flags.on("--json", "Print what is in the set as JSON", json);
    flags.footer(
        "Examples:\n"
        "  dcgan data show --config mnist.yaml\n"
        "  dcgan data show --config cifar10.yaml -n 100 --out cifar10.png");
  }

  void check() const {
    if (lower_case(out()).ends_with(".png")) return;
    throw usage_error(
        fmt::format("--out must be a file name that ends in .png, not '{}'", printable(out())));
  }

  Startup startup() const {
    configured_threads(config, overrides);  // a mistyped key answers before LibTorch is loaded
    return {};
  }

  std::string out() const { return asked_out.value_or("data.png"); }

  int run();
};

}  // namespace dcgan::cli
