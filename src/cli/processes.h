// Several processes on one machine, without a launcher.
#pragma once

#include <cstdint>
#include <functional>

namespace dcgan::cli {

/// Starts `count` processes, tells each its place as torchrun would, and has it call `become`,
/// which does not return. What ends this process ends them. Returns when all have ended: 0, or the
/// exit code of the first that has another.
int run_processes(std::int64_t count, const std::function<void()>& become);

}  // namespace dcgan::cli
