// `dcgan config`: every key with its meaning and its resolved value.
#pragma once

#include <string>

#include "dcgan/cli/command_line.h"

namespace dcgan::cli {

/// The text for stdout. Throws a usage error for a configuration that is wrong.
std::string config_command(const ConfigOptions& options);

}  // namespace dcgan::cli
