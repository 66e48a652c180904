// `dcgan export`: what it is told.
#pragma once

#include <string>

#include "base/text.h"
#include "cli/command.h"
#include "export/formats.h"

namespace dcgan::cli {

struct Export : Command {
  static constexpr const char* kName = "export";
  static constexpr const char* kMeaning = "Write a trained network for other programs";
  std::string checkpoint;
  std::string file;
  bool discriminator = false;
  bool raw = false;
  bool model_card = false;

  void bind(Flags& flags) {
    flags.text("--ckpt", "PATH", "g.pt, checkpoint or run directory", checkpoint);
    flags.require("--ckpt");
    flags.text(
        "--to", "FILE", "The file to write; its ending says the format",
        [this](const std::string& text) { file = require_ending("--to", text, kExportEndings); });
    flags.require("--to");
    flags.on("--discriminator", "The discriminator of a checkpoint, not the generator",
             discriminator);
    flags.on("--raw", "A checkpoint's own weights instead of their average", raw);
    flags.on("--model-card", "Also write README.md, a model card, and samples.png beside FILE",
             model_card);
    flags.footer(
        "Formats:\n"
        "  .html         a page that draws images in a browser, offline; of a generator\n"
        "  .safetensors  weights by their names in a PyTorch state_dict\n"
        "  .pth          a PyTorch state_dict, for PyTorch's DCGAN example where it has that form\n"
        "  .npz          weights as NumPy arrays\n"
        "Examples:\n"
        "  dcgan export --ckpt runs/mnist-001 --to mnist.html\n"
        "  dcgan export --ckpt runs/mnist-001 --to mnist.safetensors");
  }

  void check() const {
    refuse(discriminator && lower_case(file).ends_with(".html"),
           "--discriminator makes no images, and a page shows a generator's",
           "leave --discriminator out, or name another format with --to");
    refuse(model_card && discriminator, "--model-card describes a generator",
           "leave --discriminator or --model-card out");
  }

  int run() const;
};

}  // namespace dcgan::cli
