// The commands that compute, loaded when one of them is asked for.
#pragma once

#include "dcgan/cli/commands.h"

namespace dcgan::cli {

/// When LibTorch's functions are looked up.
enum class Binding {
  lazy,  ///< as they are called, most of them never: a short command takes a twentieth less time
  now    ///< all: another LibTorch that lacks one is refused before hours of work, not after
};

/// Loads libdcgan_commands.so from the executable's folder, or from ../lib/dcgan beside it. Throws
/// `failure` that says where it looked or why it cannot be loaded.
RunCommand load_run_command(Binding binding = Binding::lazy);

}  // namespace dcgan::cli
