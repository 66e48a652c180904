// The completions and the manual page: that they have what the help has, and that the shells take
// them. A shell that is not installed is skipped.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <map>
#include <sstream>

#include "base/file.h"
#include "config/fields.h"
#include "support/run_program.h"

namespace dcgan {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::run_program;
using testing::TempFolder;
using ::testing::UnorderedElementsAre;
using Words = std::vector<std::string>;
namespace fs = std::filesystem;

const fs::path kShipped = fs::path(DCGAN_SOURCE_DIR) / "configs";

Words words_of(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

/// The first words of a section's lines in the help: {"train", "sample"}, {"-q,--quiet"}.
Words section_of_help(const std::string& help, const std::string& title) {
  Words words;
  std::istringstream lines(help);
  bool is_inside = false;
  for (std::string line; std::getline(lines, line);) {
    if (is_inside && line.starts_with("  ") && line[2] != ' ') words.push_back(words_of(line)[0]);
    if (!line.starts_with(' ')) is_inside = line == title + ":";
  }
  return words;
}

/// The long flags of each command, {"data show"} and the groups among them, as its help has them.
void read_help(const std::string& command, std::map<std::string, Words>& flags) {
  Words arguments = words_of(command);
  arguments.emplace_back("--help");
  const std::string help = run_program(arguments).out;
  for (const std::string& names : section_of_help(help, "Options")) {
    flags[command].push_back(names.substr(names.find(',') + 1));
  }
  for (const std::string& inner : section_of_help(help, "Commands")) {
    read_help(command.empty() ? inner : command + " " + inner, flags);
  }
}

const std::map<std::string, Words>& flags_of_commands() {
  static const auto flags = [] {
    std::map<std::string, Words> all;
    read_help("", all);
    return all;
  }();
  return flags;
}

std::string completion(const std::string& format) {
  const auto result = run_program({"completion", format});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  return result.out;
}

/// Where a program of the system is, or "".
std::string find_tool(const std::string& name) {
  return fs::exists("/usr/bin/" + name) ? "/usr/bin/" + name : "";
}

/// Runs a shell, which gets the completion's path as its first argument; the lines that it prints.
class Completion : public ::testing::Test {
 protected:
  Words ask(const std::string& shell, const Words& options, const std::string& format,
            const Words& arguments) {
    const fs::path script = folder_ / format;
    if (!fs::exists(script)) write_file_atomically(script, completion(format));
    Words all = options;
    all.push_back(script.string());
    all.insert(all.end(), arguments.begin(), arguments.end());
    const auto result = run_program(
        all,
        {.folder = folder_.path(), .environment = {{"HOME", folder_.path()}}, .program = shell});
    EXPECT_EQ(result.err, "");
    Words lines;
    std::istringstream stream(result.out);
    for (std::string line; std::getline(stream, line);) {
      if (!line.empty()) lines.push_back(line.substr(0, line.find('\t')));
    }
    return lines;
  }

  /// What bash offers for the last of `words`, which it cuts at "=".
  Words ask_bash(Words words) {
    words.insert(words.begin(), "dcgan");
    return ask("/bin/bash",
               {"-c",
                "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); _dcgan;"
                "printf '%s\\n' \"${COMPREPLY[@]}\"",
                "bash"},
               "bash", words);
  }

  Words ask_fish(const std::string& line) {
    return ask(find_tool("fish"), {"-N", "-c", "source $argv[1]; complete -C $argv[2]"}, "fish",
               {"dcgan " + line});
  }

  TempFolder folder_;
};

TEST_F(Completion, BashOffersEveryCommandAndFlagOfTheHelp) {
  for (const auto& [command, flags] : flags_of_commands()) {
    Words words = words_of(command);
    words.emplace_back("-");
    const Words offered = ask_bash(words);
    for (const std::string& flag : flags) EXPECT_THAT(offered, Contains(flag)) << command;
    if (command.empty()) continue;
    words = words_of(command);
    EXPECT_THAT(ask_bash(words), Contains(words.back())) << command;
  }
}

TEST_F(Completion, BashOffersValues) {
  write_file_atomically(folder_ / "mine.yaml", "");
  EXPECT_THAT(ask_bash({"train", "--set", "train.lo"}),
              ElementsAre("train.loss=", "train.log_every="));
  EXPECT_THAT(ask_bash({"train", "--set", "train.loss", "=", "h"}), ElementsAre("hinge"));
  EXPECT_THAT(ask_bash({"train", "--set", "train.lr_schedule", "="}),
              ElementsAre("constant", "linear", "cosine"));
  EXPECT_THAT(ask_bash({"train", "--set", "data.format", "=", "f"}), ElementsAre("folder"));
  EXPECT_THAT(ask_bash({"train", "--set", "data.cache", "=", ""}),
              UnorderedElementsAre("bash", "mine.yaml", "auto", "none"));
  EXPECT_THAT(ask_bash({"train", "--set", "data.path", "=", "mi"}), ElementsAre("mine.yaml"));
  EXPECT_THAT(ask_bash({"train", "--config", "mi"}), ElementsAre("mine.yaml"));
  EXPECT_THAT(ask_bash({"train", "--config", "=", "qui"}), ElementsAre("quick.yaml"));
  EXPECT_THAT(ask_bash({"sample", "--device", "c"}), ElementsAre("cpu", "cuda"));
  EXPECT_THAT(ask_bash({"inspect", "--json", "mi"}), ElementsAre("mine.yaml"));
  EXPECT_THAT(ask_bash({"data", "fetch", "k"}), ElementsAre("kmnist"));
  EXPECT_THAT(ask_bash({"completion", "f"}), ElementsAre("fish"));
  EXPECT_THAT(ask_bash({"train", "--seed", ""}), IsEmpty());
  EXPECT_THAT(ask_bash({"unknown", ""}), IsEmpty());
}

TEST_F(Completion, OffersFoldersAloneWhereAFileIsOfNoUse) {
  fs::create_directory(folder_ / "mine");
  write_file_atomically(folder_ / "mine.yaml", "");
  for (const Words& before : {Words{"report"}, {"animate"}, {"train", "--out"}}) {
    Words words = before;
    words.emplace_back("mi");
    EXPECT_THAT(ask_bash(words), ElementsAre("mine"));
    const std::string line = before.front() + (before.size() > 1 ? " --out mi" : " mi");
    if (find_tool("fish").empty()) continue;
    EXPECT_THAT(ask_fish(line), ElementsAre("mine/"));
  }
  EXPECT_THAT(completion("zsh"), HasSubstr("'*:RUN:_files -/'"));
}

TEST_F(Completion, OffersEveryShippedConfigurationAndKey) {
  const Words configs = ask_bash({"data", "show", "--config", ""});
  for (const auto& entry : fs::directory_iterator(kShipped)) {
    EXPECT_THAT(configs, Contains(entry.path().filename().string()));
  }
  const Words keys = ask_bash({"config", "--set", ""});
  const std::string zsh = completion("zsh");
  const std::string fish = completion("fish");
  for (const Field& field : config_fields()) {
    EXPECT_THAT(keys, Contains(field.key + "="));
    EXPECT_THAT(zsh, HasSubstr("    '" + field.key + ":"));
    EXPECT_THAT(fish, HasSubstr(" " + field.key + "=\\t"));
  }
}

TEST_F(Completion, FishOffersWhatTheHelpHas) {
  if (find_tool("fish").empty()) GTEST_SKIP() << "no fish";
  for (const auto& [command, flags] : flags_of_commands()) {
    const Words offered = ask_fish(command.empty() ? "-" : command + " -");
    for (const std::string& flag : flags) EXPECT_THAT(offered, Contains(flag)) << command;
    if (!command.empty()) {
      EXPECT_THAT(ask_fish(command), Contains(words_of(command).back()));
    }
  }
  EXPECT_THAT(ask_fish("train --set train.loss=h"), ElementsAre("train.loss=hinge"));
  EXPECT_THAT(ask_fish("train --config qui"), ElementsAre("quick.yaml"));
  EXPECT_THAT(ask_fish("train --seed "), IsEmpty());
}

TEST_F(Completion, ZshHasWhatTheHelpHas) {
  const std::string script = completion("zsh");
  for (const auto& [command, flags] : flags_of_commands()) {
    std::string name = command.empty() ? "\n_dcgan" : "\n_dcgan_" + command;
    if (name.find(' ') != std::string::npos) name[name.find(' ')] = '_';
    const std::size_t begin = script.find(name + "() {");
    ASSERT_NE(begin, std::string::npos) << command;
    const std::string body = script.substr(begin, script.find("\n}", begin) - begin);
    for (const std::string& flag : flags) {
      EXPECT_THAT(body, ::testing::ContainsRegex(flag + "[=+]?\\[")) << command;
    }
    if (command.empty()) continue;
    EXPECT_THAT(script, HasSubstr("    '" + words_of(command).back() + ":"));
  }
  if (find_tool("zsh").empty()) GTEST_SKIP() << "no zsh";
  EXPECT_THAT(ask(find_tool("zsh"), {"-f", "-n"}, "zsh", {}), IsEmpty());
}

TEST(ManualPage, HasWhatTheHelpHas) {
  std::string page = completion("man");
  page.erase(std::remove(page.begin(), page.end(), '\\'), page.end());
  for (const auto& [command, flags] : flags_of_commands()) {
    if (command.empty()) continue;
    const std::size_t begin = page.find(".SS dcgan " + command + "\n");
    ASSERT_NE(begin, std::string::npos) << command;
    const std::string section = page.substr(begin, page.find("\n.S", begin + 1) - begin);
    for (const std::string& flag : flags) {
      if (flag == "--help") continue;
      EXPECT_THAT(section, HasSubstr(flag + "fR")) << command;
    }
  }
  for (const Field& field : config_fields()) EXPECT_THAT(page, HasSubstr("fB" + field.key + "fR"));
}

TEST(ManualPage, IsReadByGroffWithoutAWarning) {
  if (find_tool("groff").empty()) GTEST_SKIP() << "no groff";
  const TempFolder folder;
  write_file_atomically(folder / "dcgan.1", completion("man"));
  const auto result = run_program({"-man", "-Tutf8", "-ww", "-z", (folder / "dcgan.1").string()},
                                  {.program = find_tool("groff")});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.err, "");
}

}  // namespace
}  // namespace dcgan
