// What every sub-command has; the list of them is commands.h.
//
// A command is a type and a pair of files. x.h has its options, its flags and the checks that need
// no file; it is compiled into both programs, the front (`dcgan`, without LibTorch) and the core
// (`dcgan-core`). x.cpp has run(), for the core alone. A command that needs no LibTorch has
// run_in_front() instead.
//
// Values are taken as text and read here, so that every message is ours.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "config/resolve.h"
#include "dcgan/error.h"

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace dcgan::cli {

/// How many images a command draws at most.
inline constexpr std::int64_t kMaxImages = 1'000'000;

/// Throws a usage error for what is no integer in the range.
std::int64_t read_integer(const std::string& flag, const std::string& text, std::int64_t min,
                          std::int64_t max);

/// The numbers of images in "3,17,40", each below kMaxImages; throws a usage error for others.
std::vector<std::int64_t> read_numbers(const std::string& flag, const std::string& text);

/// The file name that is `text`; throws a usage error where it has none of the endings.
std::string require_ending(const std::string& flag, const std::string& text,
                           const std::vector<std::string>& endings);

/// Throws a usage error where it is `wrong`.
void refuse(bool wrong, const std::string& problem, const std::string& remedy = "");

/// The folder of the configurations that come with dcgan; empty where it is missing.
std::filesystem::path shipped_configs();

/// resolve_config(), with the shipped ones.
ResolvedConfig read_config(const std::optional<std::string>& config,
                           const std::vector<Override>& overrides);

/// For the front, which so answers a mistyped key at once; nothing without a `config`. What can be
/// read only once (stdin, a pipe) is left to the core.
std::optional<Config> early_config(const std::optional<std::string>& config,
                                   const std::vector<Override>& overrides);

/// The flags of one sub-command. What they are bound to must live as long as the command line is
/// parsed.
class Flags {
 public:
  using Take = std::function<void(const std::string&)>;

  explicit Flags(CLI::App& app) : app_(app) {}

  /// Where it is given several times, the last counts.
  CLI::Option* text(const std::string& flag, const std::string& type, const std::string& meaning,
                    const Take& take);
  template <typename Target>
  requires std::is_assignable_v<Target&, const std::string&> CLI::Option* text(
      const std::string& flag, const std::string& type, const std::string& meaning,
      Target& target) {
    return text(flag, type, meaning, [&target](const std::string& value) { target = value; });
  }
  template <typename Target>
  void integer(const std::string& flag, std::int64_t min, std::int64_t max,
               const std::string& meaning, Target& target) {
    text(flag, "N", meaning,
         [=, &target](const std::string& value) { target = read_integer(flag, value, min, max); });
  }
  /// The name of a file that ends in `ending`.
  template <typename Target>
  void file(const std::string& flag, const std::string& ending, const std::string& meaning,
            Target& target) {
    text(flag, "FILE" + ending, meaning, [=, &target](const std::string& value) {
      target = require_ending(flag, value, {ending});
    });
  }
  /// A flag for a configuration key, checked by the key's own row.
  void key(const std::string& flag, const std::string& type, const std::string& key,
           const std::string& meaning, const std::function<void(const Config&)>& take);
  /// A flag that is short for `--set key=...`; resolve_config() checks it together with the rest.
  void override_key(const std::string& flag, const std::string& type, const std::string& key,
                    const std::string& meaning, std::vector<Override>& overrides);
  /// Each time that it is given counts.
  void repeated(const std::string& flag, const std::string& type, const std::string& meaning,
                const Take& take);
  void on(const std::string& flag, const std::string& meaning, bool& target);
  void positional(const std::string& name, const std::string& meaning, std::string& target);
  /// One or more.
  void positionals(const std::string& name, const std::string& meaning,
                   std::vector<std::string>& target);
  /// A flag that may stand without its value, which is "" then.
  void optional_text(const std::string& flag, const std::string& type, const std::string& meaning,
                     const Take& take);

  void config(const std::string& meaning, std::optional<std::string>& target);
  void set(std::vector<Override>& overrides);
  void seed(const std::string& meaning, std::int64_t& target);
  void latent_dim(std::optional<std::int64_t>& target);
  /// --device and --threads of a command that has no configuration of its own.
  void machine(std::string& device, std::int64_t& threads);

  void require(const std::string& flag);
  /// Of each pair only one may be given.
  void exclude(const std::vector<std::pair<std::string, std::string>>& pairs);
  /// What the help ends with.
  void footer(const std::string& text);

 private:
  CLI::App& app_;
};

/// What must stand in the environment before LibTorch and OpenMP are loaded.
struct Startup {
  std::int64_t threads = 0;  ///< 0: OMP_NUM_THREADS, or as many as the process may use
  /// Idle threads wait a third of a millisecond for work, as suits a training's many short loops;
  /// else they sleep at once, which leaves the cores to other programs.
  bool is_training = false;
  std::int64_t processes = 1;  ///< to start on this machine
};

struct Command {
  void check() {}
  Startup startup() const { return {}; }
};

}  // namespace dcgan::cli
