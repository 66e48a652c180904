// From defaults, a YAML file and `--set` to one checked configuration, and back to YAML.
//
// The only room that knows yaml-cpp.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

/// Where a field's value came from.
struct Origin {
  enum class Source { built_in, file, command_line } source = Source::built_in;
  std::string where = {};  ///< "configs/mnist.yaml", "--set", "--seed"; "" for a default
  int line = 0;

  /// "default", "configs/mnist.yaml:7", "--set".
  std::string text() const {
    if (source == Source::built_in) return "default";
    return line > 0 ? where + ':' + std::to_string(line) : where;
  }
};

struct ResolvedConfig {
  Config config;
  std::map<std::string, Origin> origins;  ///< by key; none: a default
  std::filesystem::path file;             ///< what was read; empty for none and for a pipe
};

/// One `key=value` from the command line; `flag` is what the user typed it with ("--set",
/// "--seed"), for messages and origins. The value is taken as it stands; one that begins with '['
/// or a quote is read as YAML: `data.image_size=[32, 32]`.
struct Override {
  std::string flag;
  std::string text;
};

/// Defaults, then `file` if given, then `overrides` in order. A name without a folder that is no
/// file here is looked up in the folder `shipped`, with and without ".yaml". A pipe or a device
/// does as well, read to its end. A relative `data.path` or `train.features` in a file is taken
/// relative to that file; on the command line and in a pipe relative to the working folder; where a
/// shipped configuration's is not there, as if it lay in ./configs. A leading "~/" is the user's
/// home; it is absolute in the result. Throws one usage error that lists every problem found, a
/// line each, in the form `configs/mnist.yaml:7: unknown key 'train.batchsize'; did you mean
/// 'train.batch_size'?`.
ResolvedConfig resolve_config(const std::optional<std::filesystem::path>& file,
                              const std::vector<Override>& overrides,
                              const std::filesystem::path& shipped = {});

/// The same for YAML text that stands in a checkpoint or a g.pt; `name` is used in messages.
/// Paths stay as they are written. Throws `failure`: the file is bad, not what the user typed.
Config parse_config(const std::string& yaml, const std::string& name);

struct ConfigFile {
  std::filesystem::path path;  ///< what was read
  std::string text;
  bool is_stream = false;   ///< a pipe, a device or the standard input: it lies in no folder
  bool is_shipped = false;  ///< found in the folder of shipped configurations
};

/// `file` as resolve_config() takes it. Throws a usage error where it is not there, `failure` where
/// it can't be read.
ConfigFile read_config_file(const std::filesystem::path& file,
                            const std::filesystem::path& shipped);

/// The configurations in the folder `shipped`, a row each: the file's name and its first line, a
/// comment.
std::vector<std::vector<std::string>> list_configs(const std::filesystem::path& shipped);

/// A YAML document that `resolve_config` reads back as the same configuration.
std::string to_yaml(const Config& config);

/// The same with a comment on each key: its meaning, type, range. For `dcgan config`.
std::string to_commented_yaml(const ResolvedConfig& resolved);

/// All keys as a Markdown document, for docs/configuration.md.
std::string fields_as_markdown();

/// A field that differs between two configurations, with both values as YAML.
struct Difference {
  std::string key;
  std::string before;
  std::string after;
  bool may_change = false;  ///< on a resumed run; not train.epochs under a train.lr_schedule
};
std::vector<Difference> compare_configs(const Config& before, const Config& after);

/// A resolved configuration as tables for the log: key, value, where it came from.
struct ConfigTables {
  std::string changed;    ///< the keys whose values differ from the defaults
  std::string unchanged;  ///< the others
};
ConfigTables describe_config(const ResolvedConfig& resolved);

}  // namespace dcgan
