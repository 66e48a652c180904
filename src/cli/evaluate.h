// `dcgan evaluate`: what it is told.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/text.h"
#include "cli/command.h"

namespace dcgan::cli {

struct Evaluate : Command {
  static constexpr const char* kName = "evaluate";
  static constexpr const char* kMeaning = "Measure generated images against real ones";
  static constexpr const char* kNeedsLess = "lower --samples";

  std::optional<std::string> checkpoint;  ///< --ckpt: g.pt, checkpoint, run or TorchScript
  std::optional<std::string> images;      ///< a folder of pictures or a .npy file
  std::optional<std::string> data;        ///< the folder of the real images
  std::optional<std::string> config;      ///< a configuration that names them
  std::int64_t samples = 10'000;          ///< at most, where images are read
  std::int64_t seed = 1;                  ///< as in `sample`
  std::optional<std::string> features;    ///< a file; else the one for the data set
  bool json = false;                      ///< instead of a table
  std::optional<std::string> neighbours;  ///< the PNG to write
  std::optional<std::int64_t> latent_dim;
  MachineOptions machine;

  void bind(Flags& flags) {
    flags.text("--ckpt", "PATH", "g.pt, checkpoint, run directory or TorchScript", checkpoint);
    flags.text("--images", "PATH", "A folder of pictures or a .npy file instead of a generator",
               images);
    flags.text("--data", "DIR", "Folder of the real images (default: the training's own)", data);
    flags.config("A configuration that names the real images", config);
    flags.integer("--samples", 10, 1'000'000, "Number of images at most (default 10000)",
                  [this](std::int64_t value) { samples = value; });
    flags.seed("The same seed gives the same images (default 1)", seed);
    flags.text("--features", "FILE", "Feature network (default: the one for this data set)",
               features);
    flags.on("--json", "Print JSON instead of a table", json);
    flags.text("--neighbours", "FILE.png",
               "Also write the samples nearest to training images, beside these", neighbours);
    flags.latent_dim(latent_dim);
    flags.machine(machine);
    flags.footer(
        "Examples:\n"
        "  dcgan evaluate --ckpt runs/mnist-001\n"
        "  dcgan evaluate --images samples.npy --data data/mnist --json > report.json");
  }

  void check() const {
    if (!checkpoint && !images) {
      throw missing(
          "evaluate needs --ckpt, a generator, or --images, a folder of pictures or a .npy file",
          "dcgan evaluate --ckpt runs/mnist-001");
    }
    if (checkpoint && images) {
      throw usage_error("--ckpt and --images each name what to measure").remedy("leave one out");
    }
    if (data && config) {
      throw usage_error("--data and --config each name the real images").remedy("leave one out");
    }
    if (images && !data && !config) {
      throw missing("--images needs --data or --config, the real images to compare with",
                    "dcgan evaluate --images samples --data data/mnist");
    }
    if (images && latent_dim) {
      throw usage_error("--latent-dim is for a generator").remedy("leave it out with --images");
    }
    if (neighbours && !lower_case(*neighbours).ends_with(".png")) {
      throw usage_error(fmt::format("--neighbours must be a file name that ends in .png, not '{}'",
                                    printable(*neighbours)));
    }
  }

  Startup startup() const { return {.threads = machine.threads}; }

  int run();
};

}  // namespace dcgan::cli
