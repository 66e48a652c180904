// A folder with a configuration of a training that takes a second, and what tests ask of its files.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "support/run_program.h"
#include "support/temp_folder.h"

namespace dcgan::testing {

class Training : public ::testing::Test {
 protected:
  /// 64 steps an epoch, 2 epochs.
  Training() {
    const std::string data = std::string(DCGAN_SOURCE_DIR) + "/data/mnist";
    write_file_atomically(folder_ / "tiny.yaml",
                          "data: {path: " + data +
                              ", limit: 512}\n"
                              "model: {base_channels: 4, latent_dim: 8}\n"
                              "train: {epochs: 2, batch_size: 8, log_every: 4}\n"
                              "run: {sample_count: 4}\n");
  }

  ProgramResult run(const std::vector<std::string>& arguments) const {
    return run_program(arguments, {.folder = folder_.path()});
  }
  /// `dcgan train --config tiny.yaml --out <out>` and more; must succeed.
  ProgramResult train(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"train", "--config", "tiny.yaml", "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramResult result = run(arguments);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    return result;
  }
  ProgramResult resume(const std::string& out, std::vector<std::string> more = {}) const {
    std::vector<std::string> arguments{"train", "--resume", "--out", out};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(arguments);
  }

  std::string bytes(const std::string& name) const { return read_file(folder_ / name); }
  bool exists(const std::string& name) const { return std::filesystem::exists(folder_ / name); }

  /// metrics.jsonl, a value a line.
  std::vector<nlohmann::json> metrics(const std::string& run_folder) const {
    std::vector<nlohmann::json> lines;
    std::istringstream text(bytes(run_folder + "/metrics.jsonl"));
    for (std::string line; std::getline(text, line);) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }
  /// The same without what a clock wrote.
  std::vector<nlohmann::json> timeless_metrics(const std::string& run_folder) const {
    auto lines = metrics(run_folder);
    for (auto& line : lines) {
      line.erase("seconds");
      line.erase("images_per_second");
    }
    return lines;
  }

  /// Waits until a run in the background has done so many steps.
  void wait_for_step(RunningProgram& program, const std::string& run_folder,
                     std::int64_t step) const {
    const std::string path = run_folder + "/metrics.jsonl";
    while (program.is_running()) {
      if (exists(path)) {
        std::istringstream text(bytes(path));
        std::string last;
        for (std::string line; std::getline(text, line);) last = line;
        const auto json = nlohmann::json::parse(last, nullptr, false);
        if (json.is_object() && json.value("step", std::int64_t{0}) >= step) return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }

  /// Everything that must not depend on whether a run was stopped on its way.
  void expect_same_end(const std::string& a, const std::string& b, const std::string& step) const {
    EXPECT_EQ(bytes(a + "/g.pt"), bytes(b + "/g.pt"));
    EXPECT_EQ(bytes(a + "/checkpoints/" + step + ".pt"), bytes(b + "/checkpoints/" + step + ".pt"));
    EXPECT_EQ(bytes(a + "/samples/" + step + ".png"), bytes(b + "/samples/" + step + ".png"));
    EXPECT_EQ(timeless_metrics(a), timeless_metrics(b));
    const auto averages = numbered_files(folder_ / a / "averages", ".pt");
    EXPECT_EQ(averages.size(), numbered_files(folder_ / b / "averages", ".pt").size());
    for (const auto& [at, path] : averages) {
      EXPECT_EQ(read_file(path), bytes(b + "/averages/" + path.filename().string())) << at;
    }
  }

  /// Trains to the end, 128 steps, twice, leaves of the second run what a kill on its last steps
  /// would have left, and resumes it: it must end as the first. Returns what it said.
  ProgramResult expect_to_go_on_to_the_same_end(const std::vector<std::string>& settings) const {
    train("whole", settings);
    train("run", settings);
    std::filesystem::remove(folder_ / "run/checkpoints/000128.pt");
    std::filesystem::remove(folder_ / "run/g.pt");
    const ProgramResult resumed = resume("run");
    EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
    expect_same_end("whole", "run", "000128");
    return resumed;
  }

  TempFolder folder_;
};

}  // namespace dcgan::testing
