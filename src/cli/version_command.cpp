#include <iostream>

#include "cli/command_context.h"
#include "runtime/device.h"

namespace dcgan::cli {

int run_version(const VersionOptions& /*options*/) {
  for (const std::string& line : describe_machine()) std::cout << line << '\n';
  return 0;
}

}  // namespace dcgan::cli
