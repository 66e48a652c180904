// The commands that compute, loaded when one of them is asked for.
#pragma once

#include "dcgan/cli/commands.h"

namespace dcgan::cli {

/// Loads libdcgan_commands.so from the executable's folder, or from ../lib/dcgan beside it. Throws
/// `failure` that says where it looked or why it cannot be loaded.
RunCommand load_run_command();

}  // namespace dcgan::cli
