// `dcgan sample`: what it is told.
#pragma once

#include <fmt/format.h>

#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "cli/command.h"

namespace dcgan::cli {

struct Sample : Command {
  static constexpr const char* kName = "sample";
  static constexpr const char* kMeaning = "Draw images from a trained generator";
  std::string checkpoint;  ///< --ckpt: g.pt, checkpoint, run or TorchScript
  std::optional<std::int64_t> asked_count;
  std::int64_t count = 64;  ///< -n, or what stands for it
  std::string out = "samples.png";
  bool as_array = false;      ///< `out` is a .npy file
  bool as_animation = false;  ///< `out` is a .webp or .gif file
  std::optional<std::int64_t> columns;
  std::optional<std::int64_t> padding;  ///< pixels between images
  std::int64_t seed = 1;
  std::optional<std::string> separate;  ///< a folder: one PNG an image
  std::optional<std::int64_t> interpolate;
  std::vector<std::int64_t> through;      ///< the numbers of the images that a walk passes
  bool straight = false;                  ///< --lerp
  bool numbered = false;                  ///< each image below its number
  std::optional<std::string> latents;     ///< a .npy file in place of drawing
  std::optional<std::string> latents_to;  ///< --save-latents
  std::vector<std::string> classes;       ///< of the images, in turn, each "3" or "0,1"; empty: any
  double truncation = 1.0;                ///< latents are scaled by it
  std::optional<std::int64_t> latent_dim;
  bool raw = false;  ///< the last step's weights, not their average
  std::string device = "auto";
  std::int64_t threads = 0;

  void bind(Flags& flags) {
    flags.text("--ckpt", "PATH", "g.pt, checkpoint, run directory or TorchScript", checkpoint);
    flags.require("--ckpt");
    flags.integer("-n", 1, kMaxImages, "Number of images (default 64; all of --latents)",
                  asked_count);
    flags.text("--out", "FILE",
               "The PNG to write (default samples.png), or a .npy file: uint8 [N, H, W] or "
               "[N, H, W, 3]; of walks a .webp or .gif, too, which plays them",
               [this](const std::string& text) {
                 out = require_ending("--out", text, {".png", ".npy", ".webp", ".gif"});
               });
    flags.integer("--columns", 1, 65536, "Images in a row (default: a square)", columns);
    flags.integer("--padding", 0, 256, "Pixels between images (default 2)", padding);
    flags.seed("The same seed gives the same images (default 1)", seed);
    flags.text("--separate", "DIR", "Write a PNG an image into DIR instead of one grid", separate);
    flags.integer("--interpolate", 2, 8192,
                  "Rows of N images, each a walk from one latent to another", interpolate);
    flags.text("--through", "N,N[,N]...",
               "A walk through the images of these numbers, of --interpolate images from each to "
               "the next (default 8)",
               [this](const std::string& text) { through = read_numbers("--through", text); });
    flags.on("--lerp", "Walk on straight lines between latents, not along arcs (slerp)", straight);
    flags.on("--numbered", "Write each image's number, for --through and blend, above it",
             numbered);
    flags.file("--latents", ".npy",
               "Take the latents of this file, [N, latent size], instead of drawing them", latents);
    flags.file("--save-latents", ".npy",
               "Also write the latents of the images, float32 [N, latent size]", latents_to);
    flags.repeated(
        "--class", "C[,C]...",
        "Images of these classes in turn (walks: rows); of a generator with model.classes",
        [this](const std::string& text) {
          split_classes(text);
          classes.push_back(text);
        });
    flags.text("--truncation", "PSI", "Scale the latents; below 1: more typical, less varied",
               [this](const std::string& text) { truncation = read_truncation(text); });
    flags.latent_dim(latent_dim);
    flags.on("--raw", "A checkpoint's own weights instead of their average", raw);
    flags.machine(device, threads);
    flags.exclude({{"--separate", "--out"},
                   {"--separate", "--columns"},
                   {"--separate", "--padding"},
                   {"--separate", "--interpolate"},
                   {"--separate", "--through"},
                   {"--separate", "--numbered"},
                   {"--through", "-n"},
                   {"--latents", "--seed"}});
    flags.footer(
        "Examples:\n"
        "  dcgan sample --ckpt runs/mnist-001/g.pt -n 64 --out samples.png\n"
        "  dcgan sample --ckpt runs/mnist-001 --interpolate 10 --seed 7\n"
        "  dcgan sample --ckpt runs/mnist-001 --interpolate 24 --out walk.webp\n"
        "  dcgan sample --ckpt runs/mnist-001 --numbered\n"
        "  dcgan sample --ckpt runs/mnist-001 --through 3,17,40,3 --interpolate 24 --out "
        "walk.webp\n"
        "  dcgan sample --ckpt runs/mnist-001 --class 0,1,2,3,4,5,6,7,8,9 --columns 10 -n 100\n"
        "  dcgan sample --ckpt runs/mnist-001 -n 50000 --separate images\n"
        "  dcgan sample --ckpt runs/mnist-001 -n 50000 --out images.npy");
  }

  void check() {
    const std::string name = lower_case(out);
    as_array = !separate && name.ends_with(".npy");
    refuse(as_array && (columns || padding),
           "--columns and --padding arrange a grid, which a .npy file is not", "leave them out");
    as_animation = !separate && (name.ends_with(".webp") || name.ends_with(".gif"));
    refuse(through.size() == 1, "--through needs two numbers or more", "for example: 3,17,40");
    constexpr std::int64_t kStepsOfARow = 8;
    if (!through.empty()) interpolate = interpolate.value_or(kStepsOfARow);
    refuse(as_animation && !interpolate, "a .webp or .gif plays the walks of --interpolate",
           "add --interpolate 24, or name a .png");
    refuse(interpolate && columns && !as_animation,
           "--interpolate and --columns exclude each other", "leave one out");
    refuse(straight && !interpolate, "--lerp is of walks", "add --interpolate or --through");
    refuse(numbered && (interpolate || as_array), "--numbered is of a grid without walks",
           "leave it out");
    constexpr std::int64_t kMostSteps = 1000;
    refuse(as_animation && *interpolate > kMostSteps,
           fmt::format("an animation takes --interpolate up to {}, not {}", kMostSteps,
                       interpolate.value_or(0)));
    const std::int64_t walks = as_animation ? 16 : 8;
    if (interpolate) count = *interpolate * walks;
    count = asked_count.value_or(count);
    refuse(interpolate && count % *interpolate != 0,
           fmt::format("-n must be a multiple of --interpolate {}, not {}", interpolate.value_or(0),
                       count));
    if (through.empty()) return;
    count = *interpolate * (static_cast<std::int64_t>(through.size()) - 1);
    refuse(count > kMaxImages,
           fmt::format("--through makes {} images, more than {}", count, kMaxImages),
           "lower --interpolate");
  }

  Startup startup() const { return {.threads = threads}; }

  int run() const;

  /// "3" or "cat, dog". Which there are is for the generator to say.
  static std::vector<std::string> split_classes(const std::string& text) {
    std::vector<std::string> classes = comma_separated(text);
    for (const std::string& name : classes) {
      refuse(name.empty(),
             fmt::format("--class must be a class or several, such as 3 or 0,1,2, not '{}'",
                         printable(text)));
    }
    return classes;
  }

 private:
  static double read_truncation(const std::string& text) {
    const double psi = parse_real(text).value_or(0);
    refuse(psi <= 0 || psi > 2,
           fmt::format("--truncation must be a number more than 0 and at most 2, not '{}'",
                       printable(text)));
    return psi;
  }
};

}  // namespace dcgan::cli
