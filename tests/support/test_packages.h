// The programs that exported files are for, in the Python of scripts/test_packages.sh.
#pragma once

#include <filesystem>
#include <string>

#include "support/run_program.h"

namespace dcgan::testing {

/// Whether that Python has them: "onnx onnxruntime".
inline bool has_packages(const std::string& names) {
  return std::filesystem::exists(DCGAN_TEST_PYTHON) &&
         run_program({"-c",
                      "import importlib.util as util, sys\n"
                      "sys.exit(not all(map(util.find_spec, sys.argv[1].split())))",
                      names},
                     {.program = DCGAN_TEST_PYTHON})
                 .exit_code == 0;
}

}  // namespace dcgan::testing

/// Ends a test, as skipped, where one of the packages is missing.
#define SKIP_WITHOUT_PACKAGES(names)                                              \
  if (!dcgan::testing::has_packages(names)) {                                     \
    GTEST_SKIP() << "no Python with " << (names) << ": scripts/test_packages.sh"; \
  }
