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
using ::testing::HasSubstr;
using ConfigFile = testing::ResolveConfig;
namespace fs = std::filesystem;

auto Refused(const fs::path& file, const std::string& problem, const std::string& remedy = "") {
  return testing::IsError(ErrorKind::usage, file, problem, remedy);
}

TEST_F(ConfigFile, TakesUtf8sByteOrderMarkAndWindowsLineEnds) {
  EXPECT_EQ(resolve("\xEF\xBB\xBFseed: 7\r\ntrain:\r\n  epochs: 3\r\n").config.train.epochs, 3);
  EXPECT_NO_THROW(resolve("\xEF\xBB\xBF"));
}

TEST_F(ConfigFile, RefusesWhatCanBeNoConfiguration) {
  fs::create_directory("configs");
  EXPECT_THAT(problem(std::string("s\0e\0", 4)),  // UTF-16
              Refused("c.yaml", "is not a text file", "a configuration is YAML in UTF-8"));
  EXPECT_THAT(problem_of("nowhere.yaml"),
              Refused("nowhere.yaml", "no such file",
                      "'dcgan config --list' shows those that come with dcgan"));
  EXPECT_THAT(problem_of("configs"),
              testing::IsError(ErrorKind::failure, "configs", "is a folder, not a file", ""));
}

TEST_F(ConfigFile, SuggestsAFileForASlip) {
  write("");
  fs::rename("c.yaml", "mnist.yaml");
  EXPECT_THAT(problem_of("mnits.yaml"),
              Refused("mnits.yaml", "no such file", "did you mean 'mnist.yaml'?"));
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
  for (const char* const name : {"digit.yaml", "configs/digits.yaml"}) {
    EXPECT_THAT(problem_of(name, {}, shipped_),
                Refused(name, "no such file", "did you mean 'digits.yaml'?"));
  }
}

TEST_F(ShippedConfig, IsListedWithItsFirstLine) {
  EXPECT_THAT(list_configs(shipped_), ElementsAre(ElementsAre("digits.yaml", "Digits"),
                                                  ElementsAre("photos.yaml", "Photos")));
}

}  // namespace
}  // namespace dcgan
