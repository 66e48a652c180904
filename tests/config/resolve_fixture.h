// What tests of resolve_config() share.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "config/resolve.h"
#include "dcgan/error.h"
#include "support/expect_error.h"
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
  /// The error that this configuration, or this file, is refused with.
  Error problem(const std::string& yaml, const std::vector<Override>& overrides = {}) {
    write(yaml);
    return problem_of("c.yaml", overrides);
  }
  Error problem_of(const std::filesystem::path& file, const std::vector<Override>& overrides = {},
                   const std::filesystem::path& shipped = {}) {
    return caught([&] { resolve_config(file, overrides, shipped); });
  }

  TempFolder folder_;
  std::filesystem::path before_ = std::filesystem::current_path();
};

}  // namespace dcgan::testing
