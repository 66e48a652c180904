// How resolve_config() finds and reads the file.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "config/resolve_fixture.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

using ::testing::ElementsAre;
using ConfigFile = testing::ResolveConfig;
namespace fs = std::filesystem;

TEST_F(ConfigFile, AsksForUtf8) {
  const std::string expected = "c.yaml: is text in UTF-16 or UTF-32; save it as UTF-8";
  const auto spread = [](const std::string& mark, std::size_t before, std::size_t behind) {
    std::string text = mark;
    for (const char c : std::string("seed: 1\n")) {
      text += std::string(before, '\0') + c + std::string(behind, '\0');
    }
    return text;
  };
  EXPECT_EQ(problem(spread("", 0, 1)), expected);
  EXPECT_EQ(problem(spread("\xFF\xFE", 0, 1)), expected);
  EXPECT_EQ(problem(spread("", 1, 0)), expected);
  EXPECT_EQ(problem(spread("\xFE\xFF", 1, 0)), expected);
  EXPECT_EQ(problem(spread("", 0, 3)), expected);
  EXPECT_EQ(problem(spread("", 3, 0)), expected);
  EXPECT_EQ(problem(spread(std::string("\0\0\xFE\xFF", 4), 3, 0)), expected);
}

TEST_F(ConfigFile, TakesUtf8sByteOrderMarkAndWindowsLineEnds) {
  EXPECT_EQ(resolve("\xEF\xBB\xBFseed: 7\r\ntrain:\r\n  epochs: 3\r\n").config.train.epochs, 3);
  EXPECT_EQ(problem("\xEF\xBB\xBF"), "no error");
}

TEST_F(ConfigFile, RefusesAFileFarTooLarge) {
  EXPECT_EQ(problem(std::string((1 << 20) + 1, ' ')),
            "c.yaml: is too large for a configuration, which is YAML");
}

TEST_F(ConfigFile, RefusesAMissingFile) {
  EXPECT_EQ(problem_of("nowhere.yaml"), "nowhere.yaml: no such file");
}

TEST_F(ConfigFile, SuggestsAFileForASlip) {
  write("");
  fs::rename("c.yaml", "mnist.yaml");
  EXPECT_EQ(problem_of("mnits.yaml"), "mnits.yaml: no such file; did you mean 'mnist.yaml'?");
}

TEST_F(ConfigFile, RefusesAFolder) {
  fs::create_directory("configs");
  EXPECT_EQ(problem_of("configs"), "configs: is a folder, not a file");
}

TEST_F(ConfigFile, ReadsAPipeWithPathsRelativeToTheWorkingFolder) {
  fs::create_directory("pipes");
  ASSERT_EQ(mkfifo("pipes/a", 0600), 0);
  std::thread writer([] { std::ofstream("pipes/a") << "data: {path: images}\nseed: 7\n"; });
  const auto resolved = resolve_config("pipes/a", {});
  writer.join();
  EXPECT_EQ(resolved.config.seed, 7);
  EXPECT_EQ(resolved.config.data.path, (fs::current_path() / "images").string());
  EXPECT_EQ(resolved.file, "");
}

TEST_F(ConfigFile, RefusesAPipeWithoutTextAndADeviceWithoutEnd) {
  EXPECT_EQ(problem_of("/dev/null"), "/dev/null: is empty; check the command that writes to it");
  EXPECT_EQ(problem_of("/dev/zero"), "/dev/zero: is too large for a configuration, which is YAML");
}

// Shipped configurations

class ShippedConfig : public testing::ResolveConfig {
 protected:
  ShippedConfig() {
    fs::create_directories("here");
    fs::create_directories("share/configs");
    std::ofstream("share/configs/digits.yaml") << "## Digits\nseed: 7\ndata: {path: ../data/x}\n";
    std::ofstream("share/configs/photos.yaml") << "# Photos\n";
    shipped_ = fs::current_path() / "share/configs";
    fs::current_path("here");
  }
  std::string problem_of(const std::string& name) {
    try {
      resolve_config(name, {}, shipped_);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  }

  fs::path shipped_;
};

TEST_F(ShippedConfig, IsTakenForANameThatIsNoFileHere) {
  fs::create_directory("digits");
  for (const char* const name : {"digits.yaml", "digits"}) {
    const auto resolved = resolve_config(name, {}, shipped_);
    EXPECT_EQ(resolved.config.seed, 7);
    EXPECT_EQ(resolved.file, shipped_ / "digits.yaml");
  }
}

TEST_F(ShippedConfig, GivesWayToAFileHere) {
  std::ofstream("digits.yaml") << "seed: 3\n";
  EXPECT_EQ(resolve_config("digits.yaml", {}, shipped_).config.seed, 3);
  EXPECT_EQ(resolve_config("digits", {}, shipped_).file, "digits.yaml");
}

TEST_F(ShippedConfig, FindsItsDataBesideItOrAsIfItLayInConfigs) {
  EXPECT_EQ(resolve_config("digits", {}, shipped_).config.data.path,
            (fs::current_path() / "data/x").string());
  fs::create_directories("../share/data/x");
  EXPECT_EQ(resolve_config("digits", {}, shipped_).config.data.path,
            (shipped_.parent_path() / "data/x").string());
}

TEST_F(ShippedConfig, IsSuggested) {
  EXPECT_EQ(problem_of("digit.yaml"), "digit.yaml: no such file; did you mean 'digits.yaml'?");
  EXPECT_EQ(problem_of("digist"), "digist: no such file; did you mean 'digits'?");
  EXPECT_EQ(problem_of("mnist"), "mnist: no such file; shipped are digits.yaml, photos.yaml");
  EXPECT_EQ(problem_of("configs/digits.yaml"),
            "configs/digits.yaml: no such file; did you mean 'digits.yaml'?");
}

TEST_F(ShippedConfig, IsListedWithItsFirstLine) {
  using Pair = std::pair<std::string, std::string>;
  EXPECT_THAT(list_configs(shipped_),
              ElementsAre(Pair("digits.yaml", "Digits"), Pair("photos.yaml", "Photos")));
}

}  // namespace
}  // namespace dcgan
