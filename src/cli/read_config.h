// The configuration that a command line names.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/resolve.h"

namespace dcgan::cli {

/// The folder of the configurations that come with dcgan; empty where it is missing.
std::filesystem::path shipped_configs();

/// resolve_config(), with the shipped ones. Says on stderr which file stands for another name,
/// unless `quiet`, and puts it into `config`.
ResolvedConfig read_config(std::optional<std::string>& config,
                           const std::vector<Override>& overrides, bool quiet = false);

/// For the front, which so answers a mistyped key at once: its run.threads; 0 without a `config`.
/// What can be read only once (stdin, a pipe) is left to the core.
std::int64_t configured_threads(const std::optional<std::string>& config,
                                const std::vector<Override>& overrides);

}  // namespace dcgan::cli
