// `dcgan evaluate`: what it is told.
#pragma once

#include <optional>
#include <string>

#include "cli/command.h"
#include "dcgan/evaluate.h"

namespace dcgan::cli {

struct Evaluate : Command {
  static constexpr const char* kName = "evaluate";
  static constexpr const char* kMeaning = "Measure generated images against real ones";

  static constexpr std::int64_t kRecovered = 64;
  static constexpr std::int64_t kMaxRecovered = 10'000;
  EvaluateOptions options;
  std::optional<std::string> config;  ///< one that names the real images
  bool json = false;                  ///< instead of a table

  void bind(Flags& flags) {
    flags.text("--ckpt", "PATH", "g.pt, checkpoint, run directory or TorchScript",
               options.generator);
    flags.text("--images", "PATH", "A folder of pictures or a .npy file instead of a generator",
               options.images);
    flags.text("--data", "DIR", "Folder of the real images (default: the training's own)",
               options.data);
    flags.config("A configuration that names the real images", config);
    flags.integer("--samples", 10, 1'000'000, "Number of images at most (default 10000)",
                  options.samples);
    flags.seed("The same seed gives the same images (default 1)", options.seed);
    flags.text("--features", "FILE", "Feature network (default: the one for this data set)",
               options.features);
    flags.on("--json", "Print JSON instead of a table", json);
    flags.file("--neighbours", ".png",
               "Also write the samples nearest to training images, beside these",
               options.neighbours);
    flags.optional_text("--recovery", "N",
                        "Also how near the generator comes to N images (default 64) held out "
                        "from training, beside training and generated ones",
                        [this](const std::string& text) {
                          options.recovery =
                              text.empty() ? kRecovered
                                           : read_integer("--recovery", text, 2, kMaxRecovered);
                        });
    flags.on("--classifier-score",
             "Also train classifiers on generated and on real images of each class (minutes)",
             options.classifier_score);
    flags.latent_dim(options.latent_dim);
    flags.machine(options.device, options.threads);
    flags.exclude({{"--ckpt", "--images"},
                   {"--images", "--latent-dim"},
                   {"--images", "--recovery"},
                   {"--images", "--classifier-score"},
                   {"--data", "--config"}});
    flags.footer(
        "Examples:\n"
        "  dcgan evaluate --ckpt runs/mnist-001\n"
        "  dcgan evaluate --images samples.npy --data data/mnist --json > report.json");
  }

  void check() const {
    refuse(options.generator.empty() && options.images.empty(),
           "evaluate needs --ckpt, a generator, or --images, a folder of pictures or a .npy file",
           "for example: dcgan evaluate --ckpt runs/mnist-001");
    refuse(!options.images.empty() && options.data.empty() && !config,
           "--images needs --data or --config, the real images to compare with",
           "for example: dcgan evaluate --images samples --data data/mnist");
  }

  Startup startup() const { return {.threads = options.threads}; }

  int run();
};

}  // namespace dcgan::cli
