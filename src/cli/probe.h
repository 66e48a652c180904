// `dcgan probe`: what it is told.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct Probe : Command {
  static constexpr const char* kName = "probe";
  static constexpr const char* kMeaning = "Classify images by the features of a discriminator";

  std::string checkpoint;
  std::optional<std::string> data;    ///< of the labelled images; the training's own otherwise
  std::optional<std::string> config;  ///< one that names them
  std::int64_t labels = 0;            ///< of each class; 0: all
  std::int64_t seed = 1;
  bool json = false;
  std::string device = "auto";
  std::int64_t threads = 0;

  void bind(Flags& flags) {
    flags.text("--ckpt", "PATH", "Checkpoint or run directory", checkpoint);
    flags.require("--ckpt");
    flags.text("--data", "DIR", "Folder of the labelled images (default: the training's own)",
               data);
    flags.config("A configuration that names the labelled images", config);
    flags.integer("--labels", 1, 1'000'000, "Labelled images of each class (default: all)", labels);
    flags.seed("Of the choice of images and of the random weights (default 1)", seed);
    flags.on("--json", "Print JSON instead of a table", json);
    flags.machine(device, threads);
    flags.exclude({{"--data", "--config"}});
    flags.footer(
        "A linear classifier learns from the features; beside it ones on pixels and on random\n"
        "weights. Example:\n  dcgan probe --ckpt runs/mnist-001 --labels 100");
  }

  Startup startup() const { return {.threads = threads}; }

  int run() const;
};

}  // namespace dcgan::cli
