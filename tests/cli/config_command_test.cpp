// `dcgan config` as a user runs it, and the documents and configurations that come with the
// program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/file.h"
#include "config/fields.h"
#include "config/resolve.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using testing::run_program;
using testing::TempFolder;
namespace fs = std::filesystem;

const fs::path kSource = DCGAN_SOURCE_DIR;

TEST(ConfigCommand, ShowsEveryKey) {
  const auto result = run_program({"config"});
  EXPECT_EQ(result.exit_code, 0);
  for (const Field& field : config_fields()) {
    EXPECT_THAT(result.out, HasSubstr(field.meaning));
  }
}

TEST(ConfigCommand, ShowsWhereValuesCameFrom) {
  const auto result = run_program(
      {"config", "--config", "configs/smoke.yaml", "--set", "train.epochs=7"}, {.folder = kSource});
  EXPECT_THAT(result.out, HasSubstr("  epochs: 7  # --set\n"));
  EXPECT_THAT(result.out, HasSubstr("  limit: 512  # configs/smoke.yaml:"));
}

TEST(ConfigCommand, PrintsAConfigurationThatIsReadBack) {
  const TempFolder folder;
  const auto first = run_program({"config", "--set", "train.epochs=7"}, {.folder = folder.path()});
  write_file_atomically(folder / "mine.yaml", first.out);
  const auto resolved = resolve_config(folder / "mine.yaml", {});
  Config expected;
  expected.train.epochs = 7;
  expected.data.path = (fs::canonical(folder.path()) / "data/mnist").string();
  EXPECT_TRUE(compare_configs(expected, resolved.config).empty());
}

TEST(ConfigCommand, ShowsTheDefaultsUnresolved) {
  const auto result = run_program({"config", "--defaults"});
  EXPECT_THAT(result.out, HasSubstr("\n  path: data/mnist\n"));
}

TEST(ConfigCommand, WritesNothingToStderr) { EXPECT_EQ(run_program({"config"}).err, ""); }

TEST(ConfigCommand, ListsTheShippedConfigurations) {
  const auto result = run_program({"config", "--list"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const auto& entry : fs::directory_iterator(kSource / "configs")) {
    EXPECT_THAT(result.out, HasSubstr("\n" + entry.path().filename().string() + " "));
  }
  EXPECT_THAT(result.out, HasSubstr("The place to start: digits that a person can read"));
}

/// What a shell makes of `command`, in which "$0" is the program.
testing::ProgramResult run_shell(const std::string& command, const fs::path& folder) {
  return run_program({"-c", command, DCGAN_PROGRAM}, {.folder = folder, .program = "/bin/bash"});
}

TEST(ConfigCommand, TakesAShippedConfigurationByNameFromAnyFolder) {
  const TempFolder folder;
  for (const std::string name : {"mnist", "mnist.yaml"}) {
    const auto result = run_program({"config", "--config", name}, {.folder = folder.path()});
    EXPECT_EQ(result.exit_code, 0);
    EXPECT_EQ(result.err, "");
    EXPECT_THAT(result.out,
                HasSubstr("path: " + (fs::canonical(kSource) / "data/mnist").string() + "  #"));
  }
}

TEST(ConfigCommand, ReadsAPipe) {
  const TempFolder folder;
  for (const std::string command : {"\"$0\" config --config <(sleep 0.05; echo 'seed: 7')",
                                    "echo 'seed: 7' | \"$0\" config --config /dev/stdin",
                                    "echo 'seed: 7' | \"$0\" config --config -"}) {
    const auto result = run_shell(command, folder.path());
    EXPECT_EQ(result.err, "") << command;
    EXPECT_THAT(result.out, HasSubstr("seed: 7")) << command;
  }
}

TEST(ConfigCommand, TakesPathsOnTheStandardInputRelativeToTheWorkingFolder) {
  const TempFolder folder;
  write_file_atomically(folder / "c.yaml", "data: {path: images}\n");
  const auto result = run_shell("\"$0\" config --config - < c.yaml", folder.path());
  EXPECT_THAT(result.out, HasSubstr("path: " + (fs::canonical(folder.path()) / "images").string()));
}

TEST(ConfigurationDocument, IsWhatTheProgramPrints) {
  const auto result = run_program({"config", "--defaults", "--markdown"});
  EXPECT_EQ(read_file(kSource / "docs/configuration.md"), result.out)
      << "run: dcgan config --defaults --markdown > docs/configuration.md";
}

TEST(Configurations, AllResolveAndFindTheData) {
  int count = 0;
  for (const auto& entry : fs::directory_iterator(kSource / "configs")) {
    const auto resolved = resolve_config(entry.path(), {});
    ++count;
    // The others' images do not come with the repository.
    const std::map<std::string, std::string> others{
        {"avatars.yaml", (kSource / "data/avatars").string()},
        {"cifar10.yaml", (kSource / "data/cifar10").string()},
        {"cifar100.yaml", (kSource / "data/cifar100").string()},
        {"fashion.yaml", "/usr/share/datasets/fashion-mnist"},
        {"kmnist.yaml", (kSource / "data/kmnist").string()},
        {"pictures.yaml", (kSource / "pictures").string()}};
    const auto other = others.find(entry.path().filename().string());
    EXPECT_EQ(fs::weakly_canonical(resolved.config.data.path),
              fs::weakly_canonical(other == others.end() ? kSource / "data/mnist"
                                                         : fs::path(other->second)))
        << entry.path();
  }
  EXPECT_GE(count, 4);
}

TEST(Configurations, TheTextbookIsTheDefaultsForSixEpochs) {
  const auto resolved = resolve_config(kSource / "configs/mnist-paper.yaml", {});
  Config expected;
  expected.data.path = resolved.config.data.path;
  expected.train.epochs = 6;
  EXPECT_TRUE(compare_configs(expected, resolved.config).empty());
}

TEST(Configurations, DenseIsTheTextbookButForItsKindAndTheNormOfD) {
  const auto mnist = resolve_config(kSource / "configs/mnist-paper.yaml", {});
  auto expected = mnist.config;
  expected.model.kind = ModelKind::dense;
  expected.discriminator.norm = Norm::none;
  const auto dense = resolve_config(kSource / "configs/dense.yaml", {});
  EXPECT_TRUE(compare_configs(expected, dense.config).empty());
}

}  // namespace
}  // namespace dcgan
