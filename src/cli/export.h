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
  bool uint8 = false;
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
    flags.on("--uint8", ".onnx: images as bytes [N, H, W, C] in place of floats [N, C, H, W]",
             uint8);
    flags.on("--raw", "A checkpoint's own weights instead of their average", raw);
    flags.on("--model-card", "Also write README.md, a model card, and samples.png beside FILE",
             model_card);
    flags.footer(
        "Formats:\n"
        "  .html         a page that draws images in a browser, offline; of a generator\n"
        "  .onnx         a program for ONNX Runtime and others: latents in, images out\n"
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
    refuse(uint8 && !lower_case(file).ends_with(".onnx"), "--uint8 is of an .onnx file's images",
           "leave it out, or name a file that ends in .onnx");
    refuse(uint8 && discriminator, "--uint8 is of images, and a discriminator makes none",
           "leave one out");
    refuse(model_card && discriminator, "--model-card describes a generator",
           "leave --discriminator or --model-card out");
  }

  int run() const;
};

}  // namespace dcgan::cli
