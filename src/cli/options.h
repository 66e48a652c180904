// What binds a command's flags to its options.
//
// Values are taken as text and read here, so that every message is ours. A flag that is given twice
// is found by its count afterwards.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"

namespace dcgan::cli {

inline CLI::Option* add_text(CLI::App& app, const std::string& flag, const std::string& type,
                             const std::string& meaning,
                             std::function<void(const std::string&)> take) {
  const auto take_some = [=](const std::string& text) {
    if (text.empty()) throw usage_error(flag + " needs a value, not an empty one");
    take(text);
  };
  return app.add_option_function<std::string>(flag, take_some, meaning)
      ->type_name(type)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

inline CLI::Option* add_text(CLI::App& app, const std::string& flag, const std::string& type,
                             const std::string& meaning, std::optional<std::string>& target) {
  return add_text(app, flag, type, meaning, [&target](const std::string& text) { target = text; });
}

inline std::int64_t read_integer(const std::string& flag, const std::string& text, std::int64_t min,
                                 std::int64_t max) {
  const auto number = parse_integer(text);
  if (number && *number >= min && *number <= max) return *number;
  throw usage_error(fmt::format("{} must be an integer from {} to {}, not '{}'", flag, min, max,
                                printable(text)));
}

template <typename Target>
CLI::Option* add_integer(CLI::App& app, const std::string& flag, std::int64_t min, std::int64_t max,
                         const std::string& meaning, Target& target) {
  return add_text(app, flag, "N", meaning, [=, &target](const std::string& text) {
    target = read_integer(flag, text, min, max);
  });
}

/// A flag for a configuration key, checked by the key's own row.
template <typename Take>
CLI::Option* add_key(CLI::App& app, const std::string& flag, const std::string& type,
                     const std::string& key, const std::string& meaning, Take take) {
  return add_text(app, flag, type, meaning, [=](const std::string& text) {
    Config config;
    if (const auto problem = find_field(key)->set(config, {false, {text}})) {
      throw usage_error(flag + " " + problem->text).key(key).remedy(problem->remedy);
    }
    take(config);
  });
}

/// --device and --threads of a command that has no configuration of its own.
template <typename Options>
void add_machine(CLI::App& app, Options& options) {
  add_key(app, "--device", "NAME", "run.device", "auto, cpu, cuda or cuda:N",
          [&options](const Config& config) { options.device = config.run.device; });
  add_key(app, "--threads", "N", "run.threads", "CPU threads; 0: as many as it may use",
          [&options](const Config& config) { options.threads = config.run.threads; });
}

template <typename Target>
void add_latent_dim(CLI::App& app, Target& target) {
  add_integer(app, "--latent-dim", 1, 65536,
              "Latent size of a TorchScript that is not ours (default: found)", target);
}

inline void add_config(CLI::App& app, const std::string& meaning,
                       std::optional<std::string>& target) {
  add_text(app, "--config", "FILE", meaning + ": a file, a shipped one's name, or - for stdin",
           [&target](const std::string& text) { target = text == "-" ? "/dev/stdin" : text; });
}

inline void add_set(CLI::App& app, std::vector<Override>& overrides) {
  app.add_option_function<std::vector<std::string>>(
         "--set",
         [&overrides](const std::vector<std::string>& texts) {
           for (const std::string& text : texts) overrides.push_back({"--set", text});
         },
         "Set a configuration key, over the file; may be repeated")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

/// A flag that is short for `--set key=...`; resolve_config checks it together with the rest.
inline void add_override(CLI::App& app, const std::string& flag, const std::string& type,
                         const std::string& key, const std::string& meaning,
                         std::vector<Override>& overrides) {
  add_text(app, flag, type, meaning, [=, &overrides](const std::string& text) {
    overrides.push_back({flag, key + "=" + text});
  });
}

inline CLI::Option* add_switch(CLI::App& app, const std::string& flag, const std::string& meaning,
                               bool& target) {
  return app.add_flag(flag, target, meaning)->disable_flag_override();
}

inline CLI::App* add_command(CLI::App& root, const std::string& name, const std::string& meaning) {
  return root.add_subcommand(name, meaning)->group("Commands")->allow_extras();
}

}  // namespace dcgan::cli
