// Run directories as training leaves them, written by hand.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/file.h"
#include "config/resolve.h"
#include "dcgan/image.h"
#include "support/temp_folder.h"

namespace dcgan::testing {

class RunFolders : public ::testing::Test {
 protected:
  static constexpr const char* kSteps =
      "{\"step\":2,\"epoch\":1,\"images\":16,\"seconds\":0.5,\"d_loss\":1.5,\"g_loss\":0.25,"
      "\"d_real\":0.5,\"d_fake\":0.25,\"d_fake_after\":0.125,\"images_per_second\":32.0}\n"
      "{\"step\":4,\"epoch\":2,\"images\":32,\"seconds\":1.0,\"d_loss\":0.5,\"g_loss\":0.75,"
      "\"d_real\":0.5,\"d_fake\":0.25,\"d_fake_after\":0.125,\"images_per_second\":32.0}\n";
  static constexpr const char* kEvaluation =
      "{\"step\":4,\"epoch\":2,\"seconds\":1.25,\"samples\":10,\"features\":\"49dc3f81\","
      "\"fid\":3.5,\"precision\":0.75,\"recall\":0.5,\"modes\":2,\"shares\":[0.5,0.5]}\n";

  /// Its path: a run of two steps, two epochs and an evaluation.
  std::string write_run(const std::string& name, const Config& config = {}) const {
    const std::filesystem::path folder = folder_ / name;
    std::filesystem::create_directories(folder / "samples");
    const auto write = [&](const std::string& file, const std::string& bytes) {
      write_file_atomically(folder / file, bytes, Flush::no);
    };
    write("config.yaml", to_yaml(config));
    write("metrics.jsonl", std::string(kSteps) + kEvaluation);
    const std::string png = encode_png({8, 8, 1, std::vector<std::uint8_t>(64)});
    for (const std::string grid : {"real", "000000", "000002", "000004"}) {
      write("samples/" + grid + ".png", png);
    }
    return folder.string();
  }

  static void append(const std::filesystem::path& file, const std::string& text) {
    std::ofstream(file, std::ios::app) << text;
  }

  TempFolder folder_;
};

}  // namespace dcgan::testing
