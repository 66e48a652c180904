// What every sub-command has; the list of them is commands.h.
//
// A command is a type and a pair of files. x.h has its options, its flags and the checks that need
// no file; it is compiled into both programs, the front (`dcgan`, without LibTorch) and the core
// (`dcgan-core`). x.cpp has run(), for the core alone. A command that needs no LibTorch has
// run_in_front() instead.
#pragma once

#include <cstdint>

#include "cli/flags.h"
#include "dcgan/error.h"

namespace dcgan::cli {

/// What must stand in the environment before LibTorch and OpenMP are loaded.
struct Startup {
  std::int64_t threads = 0;  ///< 0: OMP_NUM_THREADS, or as many as the process may use
  /// Idle threads wait a third of a millisecond for work, as suits a training's many short loops;
  /// else they sleep at once, which leaves the cores to other programs.
  bool is_training = false;
};

struct Command {
  void check() {}
  Startup startup() const { return {}; }
  /// What helps where memory is short.
  static constexpr const char* kNeedsLess = "end other programs";
};

}  // namespace dcgan::cli
