// `dcgan config`: every key with its meaning and its resolved value.
#pragma once

#include <string>

#include "cli/command_line.h"

namespace dcgan::cli {

/// The text for stdout. Throws a usage error for a configuration that is wrong, and `failure` where
/// the shipped ones are missing.
std::string config_command(ConfigOptions options);

}  // namespace dcgan::cli
