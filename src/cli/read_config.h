// What --config names, for every command that takes it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "config/resolve.h"

namespace dcgan::cli {

/// The folder of the configurations that come with the program; "" where there is none.
std::filesystem::path shipped_configs();

/// resolve_config() with the shipped configurations. The only one who reads `config`: a pipe gives
/// its text once. Where another file than the one named was read, `config` becomes its path, and a
/// line on stderr says so unless `quiet`.
ResolvedConfig read_config(std::optional<std::string>& config,
                           const std::vector<Override>& overrides, bool quiet = false);

}  // namespace dcgan::cli
