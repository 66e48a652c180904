// From the front to the core: the environment that LibTorch reads while it is loaded.
#pragma once

#include "cli/command.h"

namespace dcgan::cli {

/// Replaces this process by dcgan-core with the same arguments. Throws `failure` where it is
/// missing, or where a limit leaves LibTorch too little memory to be loaded.
[[noreturn]] void start_core(const Startup& startup, char** argv);

}  // namespace dcgan::cli
