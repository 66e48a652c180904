// What each command says to what it cannot use, word for word: golden/COMMAND.txt has command
// lines, what they print on both streams, and their exit code where it is not 0. In these texts
// FOLDER is the folder of the test and SOURCE the one of the sources. After a change that is meant,
// DCGAN_UPDATE_GOLDEN=1 writes the files anew; read the difference.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <sstream>

#include "base/file.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

const fs::path kGolden = fs::path(DCGAN_SOURCE_DIR) / "tests/cli/golden";

void replace_all(std::string& text, const std::string& from, const std::string& to) {
  for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
    text.replace(at, from.size(), to);
  }
}

class Golden : public ::testing::TestWithParam<std::string> {
 protected:
  /// "$ COMMAND", what it prints, and "(CODE)".
  std::string transcript(const std::string& command) const {
    const std::string path = fs::path(DCGAN_PROGRAM).parent_path().string() + ":/usr/bin:/bin";
    const testing::ProgramResult result = testing::run_program(
        {"-c", "{ " + command + "\n} 2>&1"},
        {.folder = folder_.path(), .environment = {{"PATH", path}}, .program = "/bin/sh"});
    std::string text = result.out;
    replace_all(text, folder_.path().string(), "FOLDER");
    replace_all(text, DCGAN_SOURCE_DIR, "SOURCE");
    const std::string code = "(" + std::to_string(result.exit_code) + ")\n";
    return "$ " + command + "\n" + text + (result.exit_code == 0 ? "" : code);
  }

  testing::TempFolder folder_;
};

TEST_P(Golden, SaysWhatItAlwaysSaid) {
  const fs::path file = kGolden / (GetParam() + ".txt");
  const std::string expected = read_file(file);
  std::string text;
  std::istringstream lines(expected);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("$ ")) text += (text.empty() ? "" : "\n") + transcript(line.substr(2));
  }
  if (std::getenv("DCGAN_UPDATE_GOLDEN") != nullptr) {
    write_file_atomically(file, text);
  } else {
    EXPECT_EQ(text, expected);
  }
  for (const auto& entry : fs::directory_iterator(folder_.path())) {
    const std::string name = entry.path().filename().string();
    EXPECT_NE(expected.find("> " + name), std::string::npos) << name << " was written";
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, Golden,
                         ::testing::Values("animate", "average", "blend", "completion", "config",
                                           "data", "evaluate", "export", "features", "import",
                                           "inspect", "probe", "program", "project", "report",
                                           "sample", "train"),
                         [](const auto& test) { return test.param; });

// The program's own files -------------------------------------------------------------------------

TEST(Installation, WithoutItsCoreSaysWhatToDo) {
  const testing::TempFolder folder;
  fs::create_directory(folder / "bin");
  const std::string program = (folder / "bin/dcgan").string();
  fs::copy_file(DCGAN_PROGRAM, program);
  const auto result = testing::run_program({"inspect", "g.pt"}, {.program = program});
  EXPECT_EQ(result.err, "dcgan: " + (folder / "lib/dcgan/dcgan-core").string() +
                            ": cannot be started: No such file or directory; build or install "
                            "dcgan again\n");
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_EQ(testing::run_program({"--help"}, {.program = program}).exit_code, 0);
}

}  // namespace
}  // namespace dcgan
