// What `dcgan evaluate` takes.
#pragma once

#include <CLI/CLI.hpp>

#include "cli/commands.h"

namespace dcgan::cli {

void setup_evaluate(CLI::App& root, EvaluateOptions& options);
void check_evaluate(const EvaluateOptions& options);

}  // namespace dcgan::cli
