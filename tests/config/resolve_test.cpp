#include "config/resolve.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <fstream>
#include <map>

#include "config/fields.h"
#include "config/resolve_fixture.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsError;
using ::testing::Not;
using testing::ResolveConfig;
namespace fs = std::filesystem;

template <typename Text>
auto IsProblem(const fs::path& where, int line, const std::string& key, Text problem,
               const std::string& remedy) {
  return ::testing::AllOf(IsError(ErrorKind::usage, where, problem, remedy),
                          ::testing::Property("line", &Error::line, line),
                          ::testing::ResultOf([](const Error& error) { return error.key(); }, key));
}

TEST_F(ResolveConfig, IsTheDefaultsWithoutAnything) {
  const auto resolved = resolve_config(std::nullopt, {});
  Config expected;
  expected.data.path = (fs::current_path() / "data/mnist").string();
  EXPECT_TRUE(compare_configs(expected, resolved.config).empty());
}

TEST_F(ResolveConfig, TakesTheFileOverTheDefaults) {
  EXPECT_EQ(resolve("train:\n  epochs: 3\n").config.train.epochs, 3);
}

TEST_F(ResolveConfig, TakesTheCommandLineOverTheFile) {
  const auto resolved = resolve("train:\n  epochs: 3\n", {{"--set", "train.epochs=5"}});
  EXPECT_EQ(resolved.config.train.epochs, 5);
}

TEST_F(ResolveConfig, TakesTheLastOfSeveralOverrides) {
  const auto resolved = resolve("", {{"--set", "seed=5"}, {"--seed", "seed=6"}});
  EXPECT_EQ(resolved.config.seed, 6);
}

TEST_F(ResolveConfig, KnowsWhereEachValueCameFrom) {
  const auto resolved = resolve("train:\n  epochs: 3\n", {{"--seed", "seed=6"}});
  EXPECT_EQ(resolved.origins.at("train.epochs").text(), "c.yaml:2");
  EXPECT_EQ(resolved.origins.at("seed").text(), "--seed");
  EXPECT_FALSE(resolved.origins.contains("train.beta1"));
}

TEST_F(ResolveConfig, TakesAnEmptyFileAsTheDefaults) {
  for (const char* const yaml : {"", "# nothing but a comment\n", "train:\n"}) {
    EXPECT_NO_THROW(resolve(yaml)) << yaml;
  }
}

TEST_F(ResolveConfig, ReadsListsFromTheCommandLine) {
  const auto resolved = resolve("", {{"--set", "data.image_size=[32,48]"}});
  EXPECT_THAT(resolved.config.data.image_size, ElementsAre(32, 48));
}

TEST_F(ResolveConfig, ReadsTheOldKeyOfBatchNorm) {
  const auto resolved =
      resolve("generator:\n  batch_norm: false\n", {{"--set", "discriminator.batch_norm=true"}});
  EXPECT_EQ(resolved.config.generator.norm, Norm::none);
  EXPECT_EQ(resolved.config.discriminator.norm, Norm::batch);
  EXPECT_EQ(resolved.origins.at("generator.norm").text(), "c.yaml:2");
  EXPECT_EQ(to_yaml(resolved.config).find("batch_norm: false"), std::string::npos);
  EXPECT_EQ(parse_config("discriminator.batch_norm: false", "g.pt").discriminator.norm, Norm::none);
  EXPECT_THAT(problem("generator:\n  norm: layer\n  batch_norm: true\n"),
              IsError(ErrorKind::usage, "c.yaml",
                      "'generator.norm' is given twice; the first is in line 2", ""));
}

TEST_F(ResolveConfig, TakesAWholeKeyAtTheTop) {
  EXPECT_EQ(resolve("train.epochs: 5\n").config.train.epochs, 5);
}

TEST_F(ResolveConfig, TakesSpacesAroundTheEqualsSign) {
  EXPECT_EQ(resolve("", {{"--set", " train.epochs = 4 "}}).config.train.epochs, 4);
}

// data.path

TEST_F(ResolveConfig, TakesAPathRelativeToItsFile) {
  fs::create_directory("configs");
  std::ofstream("configs/c.yaml") << "data:\n  path: ../data/mnist/\n";
  const auto resolved = resolve_config("configs/c.yaml", {});
  EXPECT_EQ(resolved.config.data.path, (fs::current_path() / "data/mnist").string());
}

TEST_F(ResolveConfig, TakesAPathOnTheCommandLineRelativeToTheWorkingFolder) {
  fs::create_directory("configs");
  std::ofstream("configs/c.yaml") << "data:\n  path: ../elsewhere\n";
  const auto resolved = resolve_config("configs/c.yaml", {{"--set", "data.path=./mnist"}});
  EXPECT_EQ(resolved.config.data.path, (fs::current_path() / "mnist").string());
}

TEST_F(ResolveConfig, TakesTheDefaultPathRelativeToTheWorkingFolder) {
  fs::create_directory("configs");
  std::ofstream("configs/c.yaml") << "seed: 2\n";
  const auto resolved = resolve_config("configs/c.yaml", {});
  EXPECT_EQ(resolved.config.data.path, (fs::current_path() / "data/mnist").string());
}

TEST_F(ResolveConfig, KeepsAnAbsolutePath) {
  EXPECT_EQ(resolve("data: {path: /srv/x/../mnist}").config.data.path, "/srv/mnist");
}

TEST_F(ResolveConfig, ExpandsTheHomeFolder) {
  setenv("HOME", "/home/ada", 1);
  EXPECT_EQ(resolve("data: {path: ~/mnist}").config.data.path, "/home/ada/mnist");
}

TEST_F(ResolveConfig, TakesAPathWithSpacesAndHashesAsItStands) {
  const auto resolved = resolve("", {{"--set", "data.path=/a b: c #d"}});
  EXPECT_EQ(resolved.config.data.path, "/a b: c #d");
}

// Problems

struct Case {
  std::string yaml;
  int line;
  std::string problem;
  std::string remedy;
};

TEST_F(ResolveConfig, NamesLineProblemAndRemedy) {
  const std::string nested = "seed must be a value or a list of values, nothing nested";
  const std::string section =
      "'train' is a section: write keys such as 'epochs:' below it, indented";
  const std::string check = "check indentation (spaces, no tabs), colons and quotes here";
  const std::string top = "must hold sections such as 'train:' with keys below";
  for (const Case& c : std::vector<Case>{
           {"train:\n  batchsize: 3\n", 2, "unknown key 'train.batchsize'",
            "did you mean 'train.batch_size'?"},
           {"train:\n  latent_dim: 3\n", 2, "unknown key 'train.latent_dim'",
            "did you mean 'model.latent_dim'?"},
           {"lr: 3\n", 1, "unknown key 'lr'", "did you mean 'generator.lr' or 'discriminator.lr'?"},
           {"trian:\n  epochs: 3\n", 1, "unknown key 'trian'", "did you mean 'train'?"},
           {"colour: red\n", 1, "unknown key 'colour'", "'dcgan config' lists all keys"},
           {"# a comment\ntrain:\n  batch_size: abc\n", 3,
            "train.batch_size must be an integer from 2 to 65536, or auto, not 'abc'"},
           {"model:\n  kind: dens\n", 2, "model.kind must be dcgan or dense, not 'dens'",
            "did you mean 'dense'?"},
           {"train:\n  epochs:\n", 2,
            "train.epochs must be an integer from 1 to 100000, or auto, not ''"},
           {"seed: {a: 1}\n", 1, nested},
           {"seed: [[1]]\n", 1, nested},
           {"train: 5\n", 1, section},
           {"train:\n- epochs: 3\n", 1, section},
           {"train:\n  epochs: 5\n  beta1: 0\n  epochs: 5\n", 4,
            "'train.epochs' is given twice; the first is in line 2"},
           {"train:\n  epochs: 5\nseed: 2\ntrain:\n  epochs: 6\n", 5,
            "'train.epochs' is given twice; the first is in line 2"},
           {"train:\n  ? [a, b]\n  : 3\n", 2, "a key must be a word"},
           {"seed: 2\n---\nseed: 3\n", 3, "a second YAML document begins here", "leave one"},
           {"train:\n  <<: 3\n", 2, "'<<' merges no map", "name another map with '<<: *name'"},
           {"train: &own\n  <<: *own\n", 1, "a map merges itself",
            "name another map with '<<: *name'"},
           {"seed: 2\ntrain: [1, 2\n", 3, "is not valid YAML: end of sequence flow not found",
            check},
           {std::string(100'000, '['), 1, "is not valid YAML: bad file", check},
           {"- seed: 3\n", 1, top},
           {"hello\n", 1, top},
           {"\tseed: 1\n", 1, "is not valid YAML: illegal map value", check},
           {"model:\n  base_channels: 600\n  max_channels: many\n", 3,
            "model.max_channels must be an integer from 1 to 4096, not 'many'"},
           {"generator: &net\n  output: tanh\ndiscriminator:\n  <<: *net\n", 2,
            "unknown key 'discriminator.output'", "did you mean 'generator.output'?"},
           {"train:\n  epochs: 3\n  <<: {}\n  epochs: 4\n", 4,
            "'train.epochs' is given twice; the first is in line 2"}}) {
    const Error error = problem(c.yaml);
    EXPECT_THAT(error, IsError(ErrorKind::usage, "c.yaml", c.problem, c.remedy));
    EXPECT_EQ(error.line(), c.line) << error.what();
    EXPECT_TRUE(error.others().empty()) << error.what();
  }
  EXPECT_NO_THROW(resolve("train:\t\n  epochs:\t5\t# a comment\n"));
}

TEST_F(ResolveConfig, RefusesAnOverrideByItsFlag) {
  const std::string size = "must be [height, width], two integers from 8 to 1024, not ";
  struct Override {
    std::string text, key, problem, remedy;
  };
  for (const Override& c : std::vector<Override>{
           {"train.epochs", "", "'train.epochs' has no value", "write train.epochs=..."},
           {"train=3", "", "unknown key 'train'", "'dcgan config' lists all keys"},
           {"train.epoch=3", "", "unknown key 'train.epoch'", "did you mean 'train.epochs'?"},
           {"data.image_size=[32,32", "data.image_size", size + "'[32,32'"},
           {"data.image_size=[32,32] 3", "data.image_size", size + "'[32,32] 3'"},
           {"data.image_size=[[32],32]", "data.image_size", "nothing nested"},
           {"model.base_channels=600", "model.base_channels",
            "(512) must not be below model.base_channels (600)"}}) {
    EXPECT_THAT(problem("", {{"--set", c.text}}),
                IsProblem("--set", 0, c.key, HasSubstr(c.problem), c.remedy));
  }
}

TEST_F(ResolveConfig, ListsEveryProblem) {
  const Error error = problem("trian: {}\ntrain:\n  epochs: 0\nmodel:\n  max_channels: 8\n",
                              {{"--set", "train.epoch=3"}, {"--device", "run.device=gpu"}});
  EXPECT_THAT(error, IsProblem("c.yaml", 1, "", HasSubstr("'trian'"), "did you mean 'train'?"));
  EXPECT_THAT(
      error.others(),
      ElementsAre(
          IsProblem("c.yaml", 3, "train.epochs", HasSubstr("from 1 to 100000, or auto, not '0'"),
                    ""),
          IsProblem("--set", 0, "", HasSubstr("'train.epoch'"), "did you mean 'train.epochs'?"),
          IsProblem("--device", 0, "run.device", HasSubstr("run.device must"), ""),
          IsProblem("c.yaml", 5, "model.max_channels", HasSubstr("must not be below"), "")));
}

TEST_F(ResolveConfig, BlamesTheCommandLineForAConflictBeforeTheFile) {
  EXPECT_THAT(problem("model:\n  max_channels: 64\n", {{"--set", "model.base_channels=600"}}),
              IsProblem("--set", 0, "model.base_channels",
                        "model.max_channels (64) must not be below model.base_channels (600)", ""));
}

// Merge keys, as in YAML 1.1

TEST_F(ResolveConfig, MergesAnotherSectionBehindASectionsOwnKeys) {
  const auto resolved = resolve(
      "generator: &net\n  activation: gelu\n  lr: 0.001\n"
      "discriminator:\n  <<: *net\n  lr: 0.003\n");
  EXPECT_EQ(resolved.config.discriminator.activation, Activation::gelu);
  EXPECT_EQ(resolved.config.discriminator.lr, 0.003);
  EXPECT_EQ(resolved.config.generator.lr, 0.001);
  EXPECT_EQ(resolved.origins.at("discriminator.activation").text(), "c.yaml:2");
  EXPECT_EQ(resolved.origins.at("discriminator.lr").text(), "c.yaml:6");
}

TEST_F(ResolveConfig, MergesAListOfWhichTheFirstGoesFirst) {
  const auto resolved = resolve(
      "train:\n  <<: [{epochs: 3, beta1: 0.1}, {<<: {batch_size: 7}, beta1: 0.2, beta2: 0.9}]\n");
  EXPECT_EQ(resolved.config.train.epochs, 3);
  EXPECT_EQ(resolved.config.train.beta1, 0.1);
  EXPECT_EQ(resolved.config.train.beta2, 0.9);
  EXPECT_EQ(resolved.config.train.batch_size, 7);
}

TEST_F(ResolveConfig, MergesWholeSectionsAtTheTop) {
  const auto resolved = resolve("<<: {seed: 7, train: {epochs: 3}}\nmodel: {latent_dim: 9}\n");
  EXPECT_EQ(resolved.config.seed, 7);
  EXPECT_EQ(resolved.config.train.epochs, 3);
  EXPECT_EQ(resolved.config.model.latent_dim, 9);
}

// Back to text

Config unusual_config() {
  Config config;
  config.seed = 9223372036854775807;
  config.data.path = "/srv/a: \"b\" #c/größe";
  config.data.split = DataSplit::test;
  config.data.image_size = {21, 13};
  config.data.channels = 3;
  config.data.shuffle = false;
  config.model.kind = ModelKind::dense;
  config.model.dense_widths = {7};
  config.model.init_deviation = 1e30;
  config.generator.activation = Activation::swish;
  config.output = OutputRange::sigmoid;
  config.discriminator.lr = 1.0 / 3.0;
  config.train.loss = LossKind::minimax;
  config.train.eps = 1e-8;
  config.run.device = "cuda:1";
  return config;
}

TEST_F(ResolveConfig, ReadsBackWhatToYamlWrites) {
  const Config config = unusual_config();
  EXPECT_TRUE(compare_configs(config, resolve(to_yaml(config)).config).empty());
}

TEST_F(ResolveConfig, ReadsBackWhatToCommentedYamlWrites) {
  const auto resolved = resolve(to_yaml(unusual_config()));
  EXPECT_TRUE(
      compare_configs(resolved.config, resolve(to_commented_yaml(resolved)).config).empty());
}

TEST(ParseConfig, ReadsBackWhatToYamlWrites) {
  const Config config = unusual_config();
  EXPECT_TRUE(compare_configs(config, parse_config(to_yaml(config), "g.pt")).empty());
}

TEST(ParseConfig, LeavesThePathAsItIs) {
  EXPECT_EQ(parse_config("data: {path: data/mnist}", "g.pt").data.path, "data/mnist");
}

TEST(ParseConfig, FailsWithTheName) {
  EXPECT_THAT(caught([] { parse_config("seed: x", "g.pt"); }),
              IsError(ErrorKind::failure, "g.pt",
                      "seed must be an integer from 0 to 9223372036854775807, not 'x'", ""));
}

TEST(ToYaml, NestsKeysBelowTheirSections) {
  EXPECT_TRUE(
      to_yaml(Config{}).starts_with("seed: 1\ndata:\n  format: mnist\n  path: data/mnist\n"));
}

TEST(ToCommentedYaml, ExplainsAKeyAndItsOrigin) {
  ResolvedConfig resolved;
  resolved.config.train.batch_size = 32;
  resolved.origins["train.batch_size"] = {Origin::Source::file, "c.yaml", 4};
  EXPECT_NE(to_commented_yaml(resolved).find("  # Images in a step; BatchNorm needs at least two. "
                                             "auto: 32, or fewer for a smaller set.\n"
                                             "  # integer, 2 to 65536, or auto; default 64\n"
                                             "  batch_size: 32  # c.yaml:4\n"),
            std::string::npos);
}

TEST(FieldsAsMarkdown, HasARowForEachKey) {
  const std::string document = fields_as_markdown();
  for (const Field& field : config_fields()) {
    EXPECT_NE(document.find("| `" + field.key + "` | "), std::string::npos) << field.key;
  }
}

TEST(FieldsAsMarkdown, KeepsBarsInsideTheirCells) {
  EXPECT_NE(fields_as_markdown().find("| `data.channels` | `1` | 1 \\| 3 | "), std::string::npos);
}

TEST(CompareConfigs, ListsWhatDiffersWithBothValues) {
  Config after;
  after.train.epochs = 20;
  after.generator.lr = 0.001;
  const auto differences = compare_configs(Config{}, after);
  ASSERT_EQ(differences.size(), 2U);
  EXPECT_EQ(differences[0].key, "generator.lr");
  EXPECT_EQ(differences[0].before, "0.0002");
  EXPECT_EQ(differences[0].after, "0.001");
  EXPECT_FALSE(differences[0].may_change);
  EXPECT_EQ(differences[1].key, "train.epochs");
  EXPECT_TRUE(differences[1].may_change);
}

TEST(CompareConfigs, EpochsAreFixedUnderASchedule) {
  Config before;
  before.train.lr_schedule = LrSchedule::cosine;
  Config after = before;
  after.train.epochs = 20;
  const auto differences = compare_configs(before, after);
  ASSERT_EQ(differences.size(), 1U);
  EXPECT_FALSE(differences[0].may_change);
}

TEST(CompareConfigs, IsEmptyForEqualConfigurations) {
  EXPECT_TRUE(compare_configs(unusual_config(), unusual_config()).empty());
}

TEST(DescribeConfig, SeparatesWhatDiffersFromTheDefaults) {
  ResolvedConfig resolved;
  resolved.config.seed = 7;
  resolved.origins["seed"] = {Origin::Source::command_line, "--seed"};
  const ConfigTables tables = describe_config(resolved);
  EXPECT_EQ(tables.changed, "key   value  from\nseed      7  --seed\n");
  EXPECT_THAT(tables.unchanged, HasSubstr("\ndata.format "));
  EXPECT_THAT(tables.unchanged, Not(HasSubstr("\nseed ")));
}

}  // namespace
}  // namespace dcgan
