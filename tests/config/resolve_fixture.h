// What tests of resolve_config() share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

#include "config/resolve.h"
#include "dcgan/error.h"
#include "support/temp_folder.h"

namespace dcgan::testing {

/// A test in a folder of its own with a configuration c.yaml, called by its relative name.
class ResolveConfig : public ::testing::Test {
 protected:
  ResolveConfig() { std::filesystem::current_path(folder_.path()); }
  ~ResolveConfig() override { std::filesystem::current_path(before_); }

  void write(const std::string& yaml) {
    std::ofstream(folder_ / "c.yaml", std::ios::binary) << yaml;
  }
  ResolvedConfig resolve(const std::string& yaml, const std::vector<Override>& overrides = {}) {
    write(yaml);
    return resolve_config("c.yaml", overrides);
  }
  /// The message of the usage error, or "no error".
  std::string problem(const std::string& yaml, const std::vector<Override>& overrides = {}) {
    write(yaml);
    return problem_of("c.yaml", overrides);
  }
  std::string problem_of(const std::optional<std::filesystem::path>& file,
                         const std::vector<Override>& overrides = {}) {
    try {
      resolve_config(file, overrides);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::usage);
      return error.what();
    }
    return "no error";
  }

  TempFolder folder_;
  std::filesystem::path before_ = std::filesystem::current_path();
};

}  // namespace dcgan::testing
