// The sub-commands as plain data, and who runs them.
//
// `dcgan` is two files. The executable parses the command line and the configuration and links no
// LibTorch, so that `--help` and a mistyped key answer at once. The commands that compute live in
// libdcgan_commands.so, which the executable loads when one of them is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "config/resolve.h"

namespace dcgan::cli {

struct TrainOptions {
  std::optional<std::string> config;  ///< --config
  ResolvedConfig resolved;            ///< of `config` and `overrides`, where there is a `config`
  std::vector<Override> overrides;    ///< --set, --seed, --device and --threads, in order
  std::optional<std::string> out;     ///< --out
  bool resume = false;
  bool dry_run = false;
  int verbosity = 0;  ///< -1: -q, 0, 1: -v
};

struct SampleOptions {
  std::string checkpoint;           ///< --ckpt: g.pt, checkpoint, run directory or TorchScript
  std::int64_t count = 64;          ///< -n
  std::string out = "samples.png";  ///< --out
  bool as_array = false;            ///< `out` is a .npy file
  std::optional<std::int64_t> columns;
  std::optional<std::int64_t> padding;  ///< pixels between images
  std::int64_t seed = 1;
  std::optional<std::string> separate;  ///< --separate DIR: one PNG an image
  std::optional<std::int64_t> interpolate;
  std::vector<std::string> classes;        ///< --class: of the images, in turn; empty: any
  double truncation = 1.0;                 ///< --truncation: latents are scaled by it
  std::optional<std::int64_t> latent_dim;  ///< --latent-dim, for foreign TorchScript
  bool raw = false;                        ///< --raw: the last step's weights, not their average
  std::string device = "auto";
  std::int64_t threads = 0;
};

struct InspectOptions {
  std::string path;
  bool json = false;
};

struct EvaluateOptions {
  std::optional<std::string> checkpoint;   ///< --ckpt: g.pt, checkpoint, run directory, TorchScript
  std::optional<std::string> images;       ///< --images: a folder of pictures or a .npy file
  std::optional<std::string> data;         ///< --data: the folder of the real images
  std::optional<std::string> config;       ///< --config: a configuration that names them
  ResolvedConfig resolved;                 ///< of `config`, or the defaults
  std::int64_t samples = 10'000;           ///< at most, where images are read
  std::int64_t seed = 1;                   ///< as in `sample`
  std::string features = "auto";           ///< --features: a file; auto: the one for the data set
  bool json = false;                       ///< instead of a table
  std::optional<std::string> neighbours;   ///< --neighbours: the PNG to write
  std::optional<std::int64_t> latent_dim;  ///< --latent-dim, for foreign TorchScript
  std::string device = "auto";
  std::int64_t threads = 0;
};

/// `features train`.
struct FeaturesTrainOptions {
  std::optional<std::string> data;    ///< --data: a folder with a training and a test set
  std::optional<std::string> config;  ///< --config: a configuration that names them, instead
  ResolvedConfig resolved;            ///< of `config`
  std::string out;                    ///< --out: the file to write
  std::int64_t epochs = 12;
  std::int64_t seed = 1;
  bool flip = false;   ///< --flip: mirror images at random
  bool force = false;  ///< --force: replace an existing file
  std::string device = "auto";
  std::int64_t threads = 0;
};

/// `data list`.
struct DataListOptions {};

/// `data fetch`.
struct DataFetchOptions {
  std::string name;                   ///< of a known set
  std::string to;                     ///< --to: the folder; data/<name> where it is not given
  std::optional<std::string> mirror;  ///< --mirror: URL of a folder with the files
  bool force = false;                 ///< --force: replace files that are there and wrong
};

/// `data verify`.
struct DataVerifyOptions {
  std::string path;  ///< the folder
};

/// `data show`.
struct DataShowOptions {
  std::optional<std::string> config;  ///< --config
  ResolvedConfig resolved;            ///< of `config` and `overrides`
  /// --set, in order, behind a first one: a data.limit below train.batch_size leaves no batch, but
  /// enough to look at.
  std::vector<Override> overrides{{"--set", "data.drop_last=false"}};
  std::int64_t count = 64;       ///< -n: images in the grid
  std::string out = "data.png";  ///< --out
  bool json = false;             ///< --json: the statistics as JSON
};

struct VersionOptions {};

using Command = std::variant<TrainOptions, SampleOptions, EvaluateOptions, InspectOptions,
                             FeaturesTrainOptions, DataListOptions, DataFetchOptions,
                             DataVerifyOptions, DataShowOptions, VersionOptions>;

/// Runs a command and returns the process's exit code: 0, or 130 for a training stopped by a signal
/// after saving. Throws `Error`. Exported by libdcgan_commands.so under the C name below.
using RunCommand = int (*)(const Command&);
inline constexpr const char* kRunCommandSymbol = "dcgan_run_command";

}  // namespace dcgan::cli
