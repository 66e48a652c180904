#include <iostream>

#include "command_context.h"
#include "dcgan/train/device.h"

namespace dcgan::cli {

int run_version(const VersionOptions& /*options*/) {
  for (const std::string& line : describe_machine()) std::cout << line << '\n';
  return 0;
}

}  // namespace dcgan::cli
