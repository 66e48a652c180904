#include "cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <limits>
#include <memory>
#include <sstream>

#include "base/text.h"
#include "cli/data_options.h"
#include "cli/evaluate_options.h"
#include "cli/features_options.h"
#include "cli/options.h"
#include "dcgan/error.h"

namespace dcgan::cli {
namespace {

constexpr std::int64_t kMaxInGrid = 65536;
constexpr std::int64_t kMaxInArray = 1'000'000;
constexpr std::int64_t kMaxSeparate = 1'000'000'000;
constexpr std::int64_t kRowsPerWalk = 8;  ///< --interpolate without -n

// Sub-commands: what each binds, then what each checks --------------------------------------------

void setup_train(CLI::App& root, TrainOptions& options, bool& quiet, bool& verbose) {
  CLI::App* const app = add_command(root, "train", "Train a DCGAN as a configuration says");
  add_config(*app, "Configuration", options.config);
  add_set(*app, options.overrides);
  add_text(*app, "--out", "DIR", "Run directory; default: a new runs/<config>-NNN", options.out);
  add_override(*app, "--device", "NAME", "run.device", "auto, cpu, cuda or cuda:N",
               options.overrides);
  add_override(*app, "--threads", "N", "run.threads", "CPU threads; 0: as many as it may use",
               options.overrides);
  add_override(*app, "--seed", "N", "seed", "What all random numbers are made from",
               options.overrides);
  add_switch(*app, "--resume", "Go on with the run in --out where it stopped", options.resume);
  add_switch(*app, "--dry-run", "Check everything and run one step; write no run", options.dry_run);
  add_switch(*app, "-q,--quiet", "Print warnings and errors only", quiet);
  add_switch(*app, "-v,--verbose", "Print a line every train.log_every steps", verbose);
  app->footer(
      "Examples:\n"
      "  dcgan train --config quick.yaml\n"
      "  dcgan train --config mnist.yaml --set train.epochs=5 --out runs/five\n"
      "  dcgan train --out runs/five --resume\n\n"
      "'dcgan config --list' shows the configurations that come with dcgan.");
}

void check_train(TrainOptions& options, bool quiet, bool verbose) {
  if (quiet && verbose) throw usage_error("-q and -v contradict each other; leave one out");
  options.verbosity = quiet ? -1 : verbose ? 1 : 0;
  if (options.resume && !options.out) {
    throw usage_error(
        "--resume needs --out, the run directory to go on with, as in:\n"
        "dcgan train --out runs/mnist-001 --resume");
  }
  if (!options.config && !options.resume) {
    throw usage_error(
        "train needs --config, as in:\n"
        "dcgan train --config quick.yaml");
  }
}

/// What `sample` must know beyond its options: whether a value was given.
struct SampleFlags {
  std::optional<std::string> checkpoint;
  std::optional<std::string> out;
  std::optional<std::int64_t> count;
};

/// "3" or "cat, dog". Which there are is for the generator to say.
std::vector<std::string> read_classes(const std::string& text) {
  std::vector<std::string> classes;
  // What follows the last comma would be no part to getline() where it is empty.
  std::istringstream parts(text + ",");
  for (std::string part; std::getline(parts, part, ',');) {
    classes.push_back(trimmed(part));
    if (classes.back().empty()) {
      throw usage_error(fmt::format(
          "--class must be a class or several, such as 3 or 0,1,2, not '{}'", printable(text)));
    }
  }
  return classes;
}

void setup_sample(CLI::App& root, SampleOptions& options, SampleFlags& flags) {
  CLI::App* const app = add_command(root, "sample", "Draw images from a trained generator");
  add_text(*app, "--ckpt", "PATH", "g.pt, checkpoint, run directory or TorchScript",
           flags.checkpoint)
      ->required();
  add_text(*app, "-n", "N", "Number of images (default 64)", [&](const std::string& text) {
    const auto number = parse_integer(text);
    // How many are too many depends on --separate, which may stand behind it.
    flags.count = number ? *number : read_integer("-n", text, 1, kMaxInGrid);
  });
  add_text(
      *app, "--out", "FILE",
      "The PNG to write (default samples.png), or a .npy file: uint8 [N, H, W] or [N, H, W, 3]",
      flags.out);
  add_integer(*app, "--columns", 1, kMaxInGrid, "Images in a row (default: a square)",
              options.columns);
  add_integer(*app, "--padding", 0, 256, "Pixels between images (default 2)", options.padding);
  add_key(*app, "--seed", "N", "seed", "The same seed gives the same images (default 1)",
          [&options](const Config& config) { options.seed = config.seed; });
  add_text(*app, "--separate", "DIR", "Write a PNG an image into DIR instead of one grid",
           options.separate);
  add_integer(*app, "--interpolate", 2, kMaxInGrid / kRowsPerWalk,
              "Rows of N images, each a walk from one latent to another", options.interpolate);
  add_text(*app, "--class", "C[,C]...",
           "Images of these classes in turn (walks: rows); of a generator with model.classes",
           [&options](const std::string& text) { options.classes = read_classes(text); });
  add_text(*app, "--truncation", "PSI", "Scale the latents; below 1: more typical, less varied",
           [&](const std::string& text) {
             const auto psi = parse_real(text);
             if (!psi || *psi <= 0 || *psi > 2) {
               throw usage_error(
                   fmt::format("--truncation must be a number more than 0 and at most 2, not '{}'",
                               printable(text)));
             }
             options.truncation = *psi;
           });
  add_latent_dim(*app, options.latent_dim);
  add_switch(*app, "--raw", "A checkpoint's own weights instead of their average", options.raw);
  add_machine(*app, options);
  app->footer(
      "Examples:\n"
      "  dcgan sample --ckpt runs/mnist-001/g.pt -n 64 --out samples.png\n"
      "  dcgan sample --ckpt runs/mnist-001 --interpolate 10 --seed 7\n"
      "  dcgan sample --ckpt runs/mnist-001 --class 0,1,2,3,4,5,6,7,8,9 --columns 10 -n 100\n"
      "  dcgan sample --ckpt runs/mnist-001 -n 50000 --separate images\n"
      "  dcgan sample --ckpt runs/mnist-001 -n 50000 --out images.npy");
}

void check_interpolate(const SampleOptions& options, std::int64_t most) {
  if (options.columns) {
    throw usage_error(
        "--interpolate sets the columns itself: a walk is a row; leave out --columns");
  }
  if (options.separate) {
    throw usage_error(
        "--interpolate makes rows of a grid, which --separate does not write; leave one out");
  }
  const std::int64_t walk = *options.interpolate;
  if (options.count % walk == 0) return;
  const std::int64_t below = options.count / walk * walk;
  const std::int64_t above = below + walk;
  const bool take_above =
      below == 0 || (above - options.count < options.count - below && above <= most);
  throw usage_error(
      fmt::format("-n must be a multiple of --interpolate {}, not {}; the nearest is {}", walk,
                  options.count, take_above ? above : below));
}

std::int64_t most_images(const SampleOptions& options) {
  if (options.separate) return kMaxSeparate;
  return options.as_array ? kMaxInArray : kMaxInGrid;
}

void check_count(SampleOptions& options, const std::optional<std::int64_t>& given) {
  if (given) {
    options.count = *given;
  } else if (options.interpolate) {
    options.count = *options.interpolate * kRowsPerWalk;
  }
  const std::int64_t most = most_images(options);
  if (options.count >= 1 && options.count <= most) return;
  // What arranges a grid goes with no folder.
  const bool would_fit = !options.separate && !options.interpolate && !options.columns &&
                         !options.padding && options.count > most && options.count <= kMaxSeparate;
  throw usage_error(
      fmt::format("-n must be an integer from 1 to {}, not '{}'{}", most, options.count,
                  would_fit ? "; --separate DIR in place of one file takes up to 1000000000" : ""));
}

/// What arranges a grid is refused where there is none.
void check_grid(const SampleOptions& options) {
  if (!options.as_array && !options.separate) return;
  for (const auto& [flag, given] : {std::pair("--columns", options.columns.has_value()),
                                    std::pair("--padding", options.padding.has_value())}) {
    if (!given) continue;
    throw usage_error(
        fmt::format("{} arranges a grid, which {}; leave one out", flag,
                    options.separate ? "--separate does not write" : "a .npy file is not"));
  }
}

void check_sample(SampleOptions& options, const SampleFlags& flags) {
  if (flags.out) options.out = *flags.out;
  const std::string out = lower_case(options.out);
  options.as_array = !options.separate && out.ends_with(".npy");
  check_count(options, flags.count);
  if (!flags.checkpoint) {
    throw usage_error(
        "sample needs --ckpt, a g.pt, a checkpoint or a run directory, as in:\n"
        "dcgan sample --ckpt runs/mnist-001/g.pt");
  }
  options.checkpoint = *flags.checkpoint;
  if (flags.out && options.separate) {
    throw usage_error(
        "--separate writes a file an image into its folder, --out all images into one; leave one "
        "out");
  }
  check_grid(options);
  if (!out.ends_with(".png") && !out.ends_with(".npy")) {
    throw usage_error(fmt::format("--out must be a file name that ends in .png or .npy, not '{}'",
                                  printable(options.out)));
  }
  if (options.columns && *options.columns > options.count) {
    throw usage_error(fmt::format("--columns must be at most {}, the number of images, not {}",
                                  options.count, *options.columns));
  }
  if (options.interpolate) check_interpolate(options, most_images(options));
}

void setup_inspect(CLI::App& root, InspectOptions& options) {
  CLI::App* const app =
      add_command(root, "inspect", "Show what a g.pt, a checkpoint or a run directory holds");
  app->add_option("PATH", options.path, "g.pt, checkpoint or run directory")
      ->type_name("")
      ->required();
  add_switch(*app, "--json", "Print it as JSON", options.json);
  app->footer("Example:\n  dcgan inspect runs/mnist-001/g.pt");
}

void check_inspect(const InspectOptions& options) {
  if (!options.path.empty()) return;
  throw usage_error(
      "inspect needs a file or a run directory, as in:\n"
      "dcgan inspect runs/mnist-001/g.pt");
}

void setup_config(CLI::App& root, ConfigOptions& options) {
  CLI::App* const app =
      add_command(root, "config", "Show every configuration key: meaning, value, origin");
  add_config(*app, "Configuration to resolve", options.config);
  add_set(*app, options.overrides);
  add_switch(*app, "--defaults", "Show the built-in values, nothing resolved", options.defaults);
  add_switch(*app, "--markdown", "Print docs/configuration.md instead of YAML", options.markdown);
  add_switch(*app, "--list", "List the configurations that come with dcgan", options.list);
  app->footer(
      "Examples:\n"
      "  dcgan config --list\n"
      "  dcgan config --config mnist.yaml --set train.epochs=5\n"
      "  dcgan config --defaults > mine.yaml");
}

void check_config(const ConfigOptions& options) {
  if (options.list &&
      (options.config || !options.overrides.empty() || options.defaults || options.markdown)) {
    throw usage_error("--list shows the shipped configurations; leave out the other options");
  }
  if (!options.defaults && !options.markdown) return;
  if (!options.config && options.overrides.empty()) return;
  throw usage_error(fmt::format("{} shows the built-in values; leave out --config and --set",
                                options.defaults ? "--defaults" : "--markdown"));
}

// The whole ---------------------------------------------------------------------------------------

/// Everything that the parser writes to; it must stay where it is while CLI11 holds references.
struct CommandLine {
  CLI::App root{"Trains DCGANs (Radford, Metz and Chintala, 2015) and samples from them.", "dcgan"};
  bool version = false;
  TrainOptions train;
  bool quiet = false;
  bool verbose = false;
  SampleOptions sample;
  SampleFlags sample_flags;
  EvaluateOptions evaluate;
  InspectOptions inspect;
  ConfigOptions config;
  FeaturesTrainOptions features_train;
  FeaturesTrainFlags features_train_flags;
  DataLine data;

  CommandLine() {
    root.get_formatter()->label("SUBCOMMAND", "COMMAND");
    root.get_formatter()->label("REQUIRED", "(required)");
    add_switch(root, "--version", "Show the versions of dcgan and LibTorch, and the devices",
               version);
    setup_train(root, train, quiet, verbose);
    setup_sample(root, sample, sample_flags);
    setup_evaluate(root, evaluate);
    setup_inspect(root, inspect);
    setup_features(root, features_train, features_train_flags);
    setup_data(root, data);
    setup_config(root, config);
    root.require_subcommand(0, 1);
    root.allow_extras();  // words that nobody takes are ours to explain
    root.footer(
        "Example:\n  dcgan train --config quick.yaml\n\n"
        "'dcgan COMMAND --help' shows a command's options.");
  }

  std::vector<CLI::App*> commands() {
    return root.get_subcommands([](const CLI::App*) { return true; });
  }
  /// The sub-command that was given, the innermost one, or nullptr.
  const CLI::App* given() const {
    const CLI::App* app = nullptr;
    for (auto apps = root.get_subcommands(); !apps.empty(); apps = app->get_subcommands()) {
      app = apps.front();
    }
    return app;
  }
};

/// "sample", "features train".
std::string full_name(const CLI::App& app) {
  const CLI::App* const parent = app.get_parent();
  const bool nested = parent != nullptr && parent->get_parent() != nullptr;
  return nested ? fmt::format("{} {}", full_name(*parent), app.get_name()) : app.get_name();
}

std::vector<std::string> flags_of(const CLI::App& app) {
  std::vector<std::string> flags;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) flags.push_back("--" + name);
    for (const auto& name : option->get_snames()) flags.push_back("-" + name);
  }
  return flags;
}

/// "; did you mean '--x'?", or where to read on.
std::string hint(const std::string& word, const std::vector<std::string>& candidates,
                 const std::string& help) {
  // Of two letters, one in common is no likeness.
  const std::string nearest = word.size() > 2 ? did_you_mean(word, candidates) : "";
  return nearest.empty() ? fmt::format("; '{} --help' lists them", help) : nearest;
}

/// What comes before '=' in "--flag=value".
std::string flag_of(const std::string& word) { return word.substr(0, word.find('=')); }

void check_root_words(CommandLine& line) {
  const std::vector<std::string> words = line.root.remaining();
  if (words.empty()) return;
  const std::string& word = words.front();
  if (word.starts_with('-')) {
    const std::string flag = flag_of(word);
    for (const CLI::App* app : line.commands()) {
      const auto flags = flags_of(*app);
      const bool here = std::find(flags.begin(), flags.end(), flag) != flags.end();
      if (!here || (line.given() != nullptr && line.given() != app)) continue;
      throw usage_error(fmt::format("'{0}' belongs behind the command, as in: dcgan {1} {0} ...",
                                    flag, app->get_name()));
    }
    throw usage_error(fmt::format("unknown option '{}'{}", printable(flag),
                                  hint(flag, flags_of(line.root), "dcgan")));
  }
  std::vector<std::string> names;
  for (const CLI::App* app : line.commands()) names.push_back(app->get_name());
  throw usage_error(
      fmt::format("unknown command '{}'{}", printable(word), hint(word, names, "dcgan")));
}

void check_command_words(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining();
  if (words.empty()) return;
  // An unknown option's value is left over, too: the option is what to name.
  const auto option =
      std::find_if(words.begin(), words.end(), [](const auto& w) { return w.starts_with('-'); });
  const std::string help = fmt::format("dcgan {}", full_name(app));
  if (option == words.end()) {
    std::vector<std::string> names;
    for (const CLI::App* inner : app.get_subcommands(nullptr)) names.push_back(inner->get_name());
    if (!names.empty()) {
      throw usage_error(fmt::format("{} has no command '{}'{}", full_name(app),
                                    printable(words.front()), hint(words.front(), names, help)));
    }
    throw usage_error(fmt::format("'{}' is one word too many; '{} --help' shows how to write it",
                                  printable(words.front()), help));
  }
  const std::string flag = flag_of(*option);
  throw usage_error(fmt::format("{} has no option '{}'{}", full_name(app), printable(flag),
                                hint(flag, flags_of(app), help)));
}

void check_repeated(const CLI::App& app) {
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() < 2 || option->get_name() == "--set") continue;
    throw usage_error(
        fmt::format("{} is given {} times; leave one", option->get_name(), option->count()));
  }
}

/// CLI11's message begins with the option's name, mostly with a colon behind.
[[noreturn]] void explain(const CLI::ParseError& error, const CommandLine& line) {
  const std::string text = error.what();
  const std::string flag = text.substr(0, text.find(':'));
  const std::string help =
      line.given() == nullptr ? "dcgan" : fmt::format("dcgan {}", full_name(*line.given()));
  if (text.find("flag override") != std::string::npos) {
    const std::string name = text.substr(0, text.find(' '));  // without its dashes
    throw usage_error(fmt::format("{}{} takes no value", name.size() > 1 ? "--" : "-", name));
  }
  if (error.get_name() == "ArgumentMismatch" && text.starts_with('-')) {
    throw usage_error(fmt::format("{} needs a value; '{} --help' shows which", flag, help));
  }
  throw usage_error(fmt::format("{}; '{} --help' shows how to write it", printable(text), help));
}

ParsedCommand checked_data_command(DataLine& line, const std::string& name) {
  if (name == "data list") return line.list;
  if (name == "data fetch") {
    check_data_fetch(line);
    return line.fetch;
  }
  if (name == "data verify") {
    check_data_verify(line);
    return line.verify;
  }
  check_data_show(line);
  return line.show;
}

ParsedCommand checked_command(CommandLine& line) {
  if (line.version) return VersionOptions{};
  const CLI::App* const given = line.given();
  if (given == nullptr) return HelpOptions{line.root.help(), false};
  const std::string name = full_name(*given);
  if (name == "features" || name == "data") return HelpOptions{line.root.help(), false};
  if (name == "features train") {
    check_features_train(line.features_train, line.features_train_flags);
    return line.features_train;
  }
  if (name.starts_with("data ")) return checked_data_command(line.data, name);
  if (name == "train") {
    check_train(line.train, line.quiet, line.verbose);
    return line.train;
  }
  if (name == "sample") {
    check_sample(line.sample, line.sample_flags);
    return line.sample;
  }
  if (name == "evaluate") {
    check_evaluate(line.evaluate);
    return line.evaluate;
  }
  if (name == "inspect") {
    check_inspect(line.inspect);
    return line.inspect;
  }
  check_config(line.config);
  return line.config;
}

}  // namespace

ParsedCommand parse_command_line(int argc, const char* const* argv) {
  CommandLine line;
  try {
    line.root.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    return HelpOptions{line.root.help(), true};
  } catch (const CLI::RequiredError&) {
    // Told below, after unknown options: "--chkpt x" is more likely a slip than a missing --ckpt.
  } catch (const CLI::ParseError& error) {
    explain(error, line);
  }
  check_root_words(line);
  if (const CLI::App* const given = line.given()) {
    if (given->get_parent() != &line.root) check_command_words(*given->get_parent());
    check_command_words(*given);
    check_repeated(*given);
  }
  return checked_command(line);
}

}  // namespace dcgan::cli
