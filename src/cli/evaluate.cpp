#include "cli/evaluate.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <iostream>

#include "base/launcher.h"

namespace dcgan::cli {

int Evaluate::run() {
  if (read_launch().rank > 0) return 0;  // one process does it
  if (config) options.config = read_config(config, {}).config;
  using Clock = std::chrono::steady_clock;
  options.on_progress = [start = Clock::now()](const std::string& text) {
    const std::chrono::duration<double> passed = Clock::now() - start;
    // fmt::print() throws where the pipe or the terminal is gone.
    std::fputs(fmt::format("{:6.1f} s  {}\n", passed.count(), text).c_str(), stderr);
  };
  const Report report = dcgan::evaluate(options);
  std::cout << (json ? to_json(report) : to_table(report));
  return 0;
}

}  // namespace dcgan::cli
