#include "cli/evaluate_options.h"

#include "cli/options.h"

namespace dcgan::cli {

void setup_evaluate(CLI::App& root, EvaluateOptions& options) {
  CLI::App* const app = add_command(root, "evaluate", "Measure generated images against real ones");
  add_text(*app, "--ckpt", "PATH", "g.pt, checkpoint, run directory or TorchScript",
           options.checkpoint);
  add_text(*app, "--images", "PATH", "A folder of pictures or a .npy file instead of a generator",
           options.images);
  add_text(*app, "--data", "DIR", "Folder of the real images (default: the training's own)",
           options.data);
  add_config(*app, "A configuration that names the real images", options.config);
  constexpr std::int64_t kMin = 10;
  constexpr std::int64_t kMax = 1'000'000;
  add_integer(*app, "--samples", kMin, kMax, "Number of images at most (default 10000)",
              options.samples);
  add_key(*app, "--seed", "N", "seed", "The same seed gives the same images (default 1)",
          [&options](const Config& config) { options.seed = config.seed; });
  add_text(*app, "--features", "FILE", "Feature network (default: the one for this data set)",
           [&options](const std::string& text) { options.features = text; });
  add_switch(*app, "--json", "Print JSON instead of a table", options.json);
  add_text(*app, "--neighbours", "FILE.png",
           "Also write the samples nearest to training images, beside these", options.neighbours);
  add_latent_dim(*app, options.latent_dim);
  add_machine(*app, options);
  app->footer(
      "Examples:\n"
      "  dcgan evaluate --ckpt runs/mnist-001\n"
      "  dcgan evaluate --images samples.npy --data data/mnist --json > report.json");
}

void check_evaluate(const EvaluateOptions& options) {
  if (!options.checkpoint && !options.images) {
    throw usage_error(
        "evaluate needs --ckpt, a generator, or --images, a folder of pictures or a .npy file, as "
        "in:\n"
        "dcgan evaluate --ckpt runs/mnist-001");
  }
  if (options.checkpoint && options.images) {
    throw usage_error("--ckpt and --images each name what to measure; leave one out");
  }
  if (options.data && options.config) {
    throw usage_error("--data and --config each name the real images; leave one out");
  }
  if (options.images && !options.data && !options.config) {
    throw usage_error(
        "--images needs --data or --config, the real images to compare with, as in:\n"
        "dcgan evaluate --images samples --data data/mnist");
  }
  if (options.images && options.latent_dim) {
    throw usage_error("--latent-dim is for a generator; leave it out with --images");
  }
  if (options.neighbours && !lower_case(*options.neighbours).ends_with(".png")) {
    throw usage_error(fmt::format("--neighbours must be a file name that ends in .png, not '{}'",
                                  printable(*options.neighbours)));
  }
}

}  // namespace dcgan::cli
