// What binds a command's flags to its options. Values are taken as text and read here, so that
// every message is ours.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/resolve.h"
#include "dcgan/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace dcgan::cli {

/// --device and --threads of a command that has no configuration of its own.
struct MachineOptions {
  std::string device = "auto";
  std::int64_t threads = 0;  ///< 0: as many as the process may use
};

/// The flags of one sub-command. What they are bound to must live as long as the command line is
/// parsed.
class Flags {
 public:
  using Take = std::function<void(const std::string&)>;

  explicit Flags(CLI::App& app) : app_(app) {}

  void text(const std::string& flag, const std::string& type, const std::string& meaning,
            Take take);
  void text(const std::string& flag, const std::string& type, const std::string& meaning,
            std::optional<std::string>& target);
  void integer(const std::string& flag, std::int64_t min, std::int64_t max,
               const std::string& meaning, std::function<void(std::int64_t)> take);
  /// A flag for a configuration key, checked by the key's own row.
  void key(const std::string& flag, const std::string& type, const std::string& key,
           const std::string& meaning, std::function<void(const Config&)> take);
  /// A flag that is short for `--set key=...`; resolve_config() checks it together with the rest.
  void override_key(const std::string& flag, const std::string& type, const std::string& key,
                    const std::string& meaning, std::vector<Override>& overrides);
  void on(const std::string& flag, const std::string& meaning, bool& target);
  void positional(const std::string& name, const std::string& meaning, std::string& target);

  void config(const std::string& meaning, std::optional<std::string>& target);
  void set(std::vector<Override>& overrides);
  void seed(const std::string& meaning, std::int64_t& target);
  void latent_dim(std::optional<std::int64_t>& target);
  void machine(MachineOptions& target);

  /// Shown as required; that it is given is for the command's check().
  void require(const std::string& flag);
  /// What the help ends with.
  void footer(const std::string& text);

 private:
  CLI::App& app_;
};

/// Throws a usage error for what is no integer in the range.
std::int64_t read_integer(const std::string& flag, const std::string& text, std::int64_t min,
                          std::int64_t max);

/// The usage error of a flag or a word that is missing.
Error missing(const std::string& problem, const std::string& example);

}  // namespace dcgan::cli
