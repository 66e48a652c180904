// What both programs, the front and the core, do around a command.
#pragma once

#include <functional>

namespace dcgan::cli {

/// Calls `command` and returns its exit code. The one place that turns an exception into a message
/// and an exit code: on stderr as text, and on stdout as JSON where `--json` is among the words.
int run_program(int argc, const char* const* argv, const std::function<int()>& command);

/// Ends the process without the destructors of static objects: LibTorch's take longer than drawing
/// a grid of samples, and nothing waits for what they do.
[[noreturn]] void leave(int exit_code);

}  // namespace dcgan::cli
