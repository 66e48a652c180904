// `dcgan blend`: what it is told.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/command.h"

namespace dcgan::cli {

struct Blend : Command {
  static constexpr const char* kName = "blend";
  static constexpr const char* kMeaning = "Add and subtract the latents of images";

  std::string checkpoint;
  std::vector<std::vector<std::int64_t>> plus;   ///< groups of images, by their numbers
  std::vector<std::vector<std::int64_t>> minus;  ///< likewise
  std::string out = "blend.png";
  std::int64_t seed = 1;
  std::optional<std::string> latents;     ///< a .npy file in place of drawing
  std::optional<std::string> latents_to;  ///< --save-latents
  std::string device = "auto";
  std::int64_t threads = 0;

  void bind(Flags& flags) {
    flags.text("--ckpt", "PATH", "g.pt, checkpoint, run directory or TorchScript", checkpoint);
    flags.require("--ckpt");
    flags.repeated(
        "--plus", "N[,N]...", "Add the mean latent of the images of these numbers",
        [this](const std::string& text) { plus.push_back(read_numbers("--plus", text)); });
    flags.require("--plus");
    flags.repeated("--minus", "N[,N]...", "Subtract it", [this](const std::string& text) {
      minus.push_back(read_numbers("--minus", text));
    });
    flags.file("--out", ".png", "The picture to write (default blend.png)", out);
    flags.seed("Of the images, as in 'dcgan sample --numbered', and of the noise (default 1)",
               seed);
    flags.file("--latents", ".npy", "The images are of the latents of this file instead", latents);
    flags.file("--save-latents", ".npy", "Also write nine latents: the result, then its neighbours",
               latents_to);
    flags.machine(device, threads);
    flags.footer(
        "The picture has a column for each group, its mean below, and on the right the result "
        "amid\n"
        "eight neighbours, which differ by noise (Radford et al. 2015, figure 7). Of a generator\n"
        "with modes the result has that of the first image of the last --plus.\n\n"
        "Examples:\n"
        "  dcgan sample --ckpt runs/mnist-001 --numbered\n"
        "  dcgan blend --ckpt runs/mnist-001 --plus 3,17,40 --minus 5,9,12 --plus 8,21,33");
  }

  Startup startup() const { return {.threads = threads}; }

  int run() const;
};

}  // namespace dcgan::cli
