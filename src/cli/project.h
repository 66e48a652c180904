// `dcgan project`: what it is told.
#pragma once

#include <string>

#include "cli/command.h"

namespace dcgan::cli {

struct Project : Command {
  static constexpr const char* kName = "project";
  static constexpr const char* kMeaning = "Find the latents whose images are nearest to given ones";

  std::string checkpoint;
  std::string image;  ///< a picture, or a folder of them
  std::string out;
  std::int64_t seed = 1;
  bool json = false;
  std::string device = "auto";
  std::int64_t threads = 0;

  void bind(Flags& flags) {
    flags.text("--ckpt", "PATH", "g.pt, checkpoint, run directory or TorchScript", checkpoint);
    flags.require("--ckpt");
    flags.text("--image", "PATH", "A picture, or a folder of them", image);
    flags.require("--image");
    flags.text("--out", "DIR",
               "Where to write: each picture beside the nearest image that G makes, as "
               "000000.png, ..., and their latents, z.npy",
               out);
    flags.require("--out");
    flags.seed("Of the latents to start from (default 1)", seed);
    flags.on("--json", "Print JSON instead of a table", json);
    flags.machine(device, threads);
    flags.footer(
        "The error is the root mean squared difference of the pixels, from 0 to 255. Beside it\n"
        "stand that of images held out from training and that of generated ones, which has the\n"
        "search alone to blame.\n\n"
        "Examples:\n"
        "  dcgan project --ckpt runs/mnist-001 --image digits --out projected\n"
        "  dcgan sample --ckpt runs/mnist-001 --latents projected/z.npy --through 0,1,2");
  }

  Startup startup() const { return {.threads = threads}; }

  int run() const;
};

}  // namespace dcgan::cli
