// The commands that compute, loaded when one of them is asked for.
#pragma once

#include "cli/commands.h"

namespace dcgan::cli {

/// When LibTorch's functions are looked up.
enum class Binding {
  lazy,  ///< as they are called, most of them never: a short command takes a twentieth less time
  now    ///< all: another LibTorch that lacks one is refused before hours of work, not after
};

/// What OpenMP's threads do between two loops.
enum class IdleThreads {
  sleep,  ///< at once: what they would take from other programs is worth more
  spin    ///< for a third of a millisecond first: a training's loops follow each other closely
};

struct LoadOptions {
  Binding binding = Binding::lazy;
  std::int64_t threads = 0;  ///< 0: OMP_NUM_THREADS, or as many as the process may use
  IdleThreads idle_threads = IdleThreads::sleep;
};

/// Loads libdcgan_commands.so from the executable's folder, or from ../lib/dcgan beside it. Throws
/// `failure` that says where it looked, why it cannot be loaded, or which limit leaves LibTorch too
/// little memory.
RunCommand load_run_command(const LoadOptions& options = {});

}  // namespace dcgan::cli
