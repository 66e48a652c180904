// `dcgan inspect`: what it is told.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct Inspect : Command {
  static constexpr const char* kName = "inspect";
  static constexpr const char* kMeaning = "Show what a g.pt, a checkpoint or a run directory holds";

  std::string path;
  bool json = false;
  std::optional<std::string> features;  ///< a PNG to draw
  std::optional<std::string> data;      ///< of its images; the training's own otherwise

  void bind(Flags& flags) {
    flags.positional("PATH", "g.pt, checkpoint or run directory", path);
    flags.on("--json", "Print it as JSON", json);
    flags.file(
        "--features", ".png",
        "Draw instead what the discriminator responds to: images of its strongest units and\n"
        "their guided backpropagation, beside those of random weights",
        features);
    flags.text("--data", "DIR", "Folder of the images for --features (default: the training's own)",
               data);
    flags.exclude({{"--features", "--json"}});
    flags.footer(
        "Examples:\n"
        "  dcgan inspect runs/mnist-001/g.pt\n"
        "  dcgan inspect runs/mnist-001 --features features.png");
  }

  void check() const { refuse(data && !features, "--data needs --features, the picture to draw"); }

  int run() const;
};

}  // namespace dcgan::cli
