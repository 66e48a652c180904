#include "config/fields.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace dcgan {
namespace {

using ::testing::ElementsAre;

/// What the field says to a scalar: "" where it takes it.
std::string set_scalar(const std::string& key, const std::string& text) {
  Config config;
  return find_field(key)->set(config, {false, {text}});
}

std::string set_list(const std::string& key, const std::vector<std::string>& items) {
  Config config;
  return find_field(key)->set(config, {true, items});
}

/// The value as YAML after `text` was set.
std::string value_after(const std::string& key, const FieldValue& value) {
  Config config;
  EXPECT_EQ(find_field(key)->set(config, value), "");
  return find_field(key)->get(config);
}

TEST(ConfigFields, AreTheKeysInTheirOrder) {
  std::vector<std::string> keys;
  for (const Field& field : config_fields()) keys.push_back(field.key);
  EXPECT_THAT(
      keys,
      ElementsAre(
          "seed", "data.format", "data.path", "data.split", "data.image_size", "data.channels",
          "data.fit", "data.background", "data.levels", "data.classes", "data.held_out",
          "data.flip", "data.max_bad_fraction", "data.cache", "data.limit", "data.shuffle",
          "data.drop_last", "model.kind", "model.latent_dim", "model.latent_modes", "model.classes",
          "model.base_channels", "model.max_channels", "model.dense_widths", "model.init_deviation",
          "generator.activation", "generator.slope", "generator.batch_norm",
          "generator.base_channels", "generator.extra_layers", "generator.output", "generator.lr",
          "discriminator.activation", "discriminator.slope", "discriminator.batch_norm",
          "discriminator.base_channels", "discriminator.extra_layers", "discriminator.lr",
          "train.epochs", "train.batch_size", "train.loss", "train.discriminator_steps",
          "train.beta1", "train.beta2", "train.eps", "train.lr_schedule", "train.label_smoothing",
          "train.class_mismatch", "train.r1_gamma", "train.r1_every", "train.gradient_penalty",
          "train.weight_clip", "train.translation", "train.ema_decay", "train.precision",
          "train.log_every", "train.sample_every", "train.checkpoint_every", "train.evaluate_every",
          "train.evaluate_samples", "train.features", "run.sample_count", "run.keep_checkpoints",
          "run.device", "run.cuda_graph", "run.threads"));
}

TEST(ConfigFields, ExplainThemselves) {
  for (const Field& field : config_fields()) {
    EXPECT_FALSE(field.type.empty()) << field.key;
    EXPECT_TRUE(field.meaning.ends_with('.')) << field.key;
  }
}

TEST(ConfigFields, MayChangeOnResumeOnlyWhereTheRunStaysTheSame) {
  std::vector<std::string> free;
  for (const Field& field : config_fields()) {
    if (field.resume == ResumeRule::free) free.push_back(field.key);
  }
  EXPECT_THAT(free, ElementsAre("data.path", "data.max_bad_fraction", "data.cache", "train.epochs",
                                "train.log_every", "train.sample_every", "train.checkpoint_every",
                                "train.evaluate_every", "train.evaluate_samples", "train.features",
                                "run.sample_count", "run.keep_checkpoints", "run.device",
                                "run.cuda_graph", "run.threads"));
}

TEST(ConfigFields, TakeTheirOwnDefault) {
  const Config defaults;
  for (const Field& field : config_fields()) {
    const std::string text = field.get(defaults);
    FieldValue value{false, {text}};
    if (text.starts_with('[')) {
      value = {true, {}};
      std::string items = text.substr(1, text.size() - 2) + ",";
      for (std::size_t comma; (comma = items.find(',')) != std::string::npos;) {
        value.items.push_back(items.substr(0, comma));
        items.erase(0, comma + 1);
        if (items.starts_with(' ')) items.erase(0, 1);
      }
    }
    Config config;
    EXPECT_EQ(field.set(config, value), "") << field.key;
    EXPECT_EQ(field.get(config), text) << field.key;
  }
}

/// Each row must be bound to a field of its own: a copied row that sets its neighbour shows here.
TEST(ConfigFields, EachSetOneFieldAndNoOther) {
  const std::vector<FieldValue> tries{
      {false, {"2"}},       {false, {"0.25"}},    {false, {"false"}},  {false, {"test"}},
      {false, {"3"}},       {false, {"dense"}},   {false, {"gelu"}},   {false, {"cpu"}},
      {false, {"sigmoid"}}, {false, {"minimax"}}, {false, {"cosine"}}, {false, {"a.pt"}},
      {false, {"bf16"}},    {false, {"npy"}},     {false, {"pad"}},    {false, {"black"}},
      {false, {"true"}},    {false, {"auto"}},    {true, {"9", "11"}}};
  for (const Field& field : config_fields()) {
    const Config defaults;
    Config config;
    for (const FieldValue& value : tries) {
      config = Config{};
      if (field.set(config, value).empty() && field.get(config) != field.get(defaults)) break;
    }
    std::vector<std::string> changed;
    for (const Field& other : config_fields()) {
      if (other.get(config) != other.get(defaults)) changed.push_back(other.key);
    }
    EXPECT_THAT(changed, ElementsAre(field.key));
  }
}

TEST(ColourField, TakesNamesAndNumbers) {
  Config config;
  const Field& field = *find_field("data.background");
  for (const auto& [text, colour] : std::map<std::string, Color>{{"black", {0, 0, 0}},
                                                                 {"white", {255, 255, 255}},
                                                                 {"#ff8001", {255, 128, 1}},
                                                                 {"#ABCDEF", {171, 205, 239}}}) {
    EXPECT_EQ(field.set(config, {false, {text}}), "") << text;
    EXPECT_EQ(config.data.background, colour) << text;
  }
  EXPECT_EQ(field.get(config), "white") << "the last of the map";
  config.data.background = {1, 2, 254};
  EXPECT_EQ(field.get(config), "\"#0102fe\"");
}

TEST(ColourField, RefusesAnythingElse) {
  for (const char* text : {"", "red", "ff8001", "#ff80", "#ff80011", "#ff800g", "0"}) {
    Config config;
    EXPECT_THAT(find_field("data.background")->set(config, {false, {text}}),
                ::testing::StartsWith("must be black, white or a quoted \"#rrggbb\""))
        << text;
  }
}

TEST(Conflicts, NothingHeldOutIsNoTestSplit) {
  Config config;
  config.data.format = DataFormat::folder;
  config.data.split = DataSplit::test;
  config.data.held_out = 0;
  ASSERT_EQ(find_conflicts(config).size(), 1U);
  EXPECT_EQ(find_conflicts(config)[0].message,
            "data.split: test is what data.held_out keeps back, and that is 0");
  config.data.format = DataFormat::cifar10;
  EXPECT_TRUE(find_conflicts(config).empty());
}

TEST(FindField, KnowsNoOtherKey) { EXPECT_EQ(find_field("train.batchsize"), nullptr); }

TEST(IntegerField, TakesItsEnds) {
  EXPECT_EQ(set_scalar("train.batch_size", "2"), "");
  EXPECT_EQ(set_scalar("train.batch_size", "65536"), "");
}

TEST(IntegerField, RefusesWhatIsOutOfRange) {
  EXPECT_EQ(set_scalar("train.batch_size", "1"), "must be an integer from 2 to 65536, not '1'");
  EXPECT_EQ(set_scalar("train.batch_size", "65537"),
            "must be an integer from 2 to 65536, not '65537'");
}

TEST(IntegerField, RefusesWhatIsNoInteger) {
  EXPECT_EQ(set_scalar("train.batch_size", "abc"), "must be an integer from 2 to 65536, not 'abc'");
  EXPECT_EQ(set_scalar("train.batch_size", "1e3"), "must be an integer from 2 to 65536, not '1e3'");
  EXPECT_EQ(set_scalar("train.batch_size", "64.0"),
            "must be an integer from 2 to 65536, not '64.0'");
}

TEST(IntegerField, RefusesAList) {
  EXPECT_EQ(set_list("train.batch_size", {"64"}), "must be an integer from 2 to 65536, not a list");
}

TEST(IntegerField, RefusesNoValue) {
  EXPECT_EQ(set_scalar("train.batch_size", ""),
            "must be an integer from 2 to 65536; it has no value");
}

TEST(Field, LeavesTheConfigurationAloneWhenItRefuses) {
  Config config;
  find_field("train.batch_size")->set(config, {false, {"abc"}});
  EXPECT_EQ(config.train.batch_size, 64);
}

TEST(NumberField, TakesScientificNotation) {
  EXPECT_EQ(value_after("generator.lr", {false, {"5e-4"}}), "0.0005");
}

TEST(NumberField, RefusesAnOpenEnd) {
  EXPECT_EQ(set_scalar("generator.lr", "0"),
            "must be a number more than 0 and at most 10, not '0'");
  EXPECT_EQ(set_scalar("train.beta1", "1"), "must be a number from 0 to less than 1, not '1'");
}

TEST(NumberField, TakesAClosedEnd) {
  EXPECT_EQ(set_scalar("generator.lr", "10"), "");
  EXPECT_EQ(set_scalar("train.beta1", "0"), "");
  EXPECT_EQ(set_scalar("model.init_deviation", "1e30"), "");
}

TEST(NumberField, RefusesWhatIsNotFinite) {
  EXPECT_EQ(set_scalar("generator.slope", "nan"), "must be a number from 0 to 100, not 'nan'");
  EXPECT_EQ(set_scalar("generator.slope", ".inf"), "must be a number from 0 to 100, not '.inf'");
}

TEST(TrueOrFalseField, TakesOnlyThoseWords) {
  EXPECT_EQ(value_after("data.shuffle", {false, {"false"}}), "false");
  EXPECT_EQ(set_scalar("data.shuffle", "yes"), "must be true or false, not 'yes'");
  EXPECT_EQ(set_scalar("data.shuffle", "1"), "must be true or false, not '1'");
}

TEST(ChoiceField, SuggestsTheNearestWord) {
  EXPECT_EQ(set_scalar("model.kind", "dense_"),
            "must be dcgan or dense, not 'dense_'; did you mean 'dense'?");
}

TEST(ChoiceField, ListsTheWords) {
  EXPECT_EQ(set_scalar("generator.activation", "tanh"),
            "must be relu, leaky_relu, elu, selu, gelu or swish, not 'tanh'");
}

TEST(ChoiceField, ReadsBackEveryWord) {
  for (const std::string word : {"relu", "leaky_relu", "elu", "selu", "gelu", "swish"}) {
    EXPECT_EQ(value_after("generator.activation", {false, {word}}), word);
  }
}

TEST(ImageSizeField, TakesHeightThenWidth) {
  Config config;
  EXPECT_EQ(find_field("data.image_size")->set(config, {true, {"13", "21"}}), "");
  EXPECT_THAT(config.data.image_size, ElementsAre(13, 21));
}

TEST(ImageSizeField, RefusesAllElse) {
  const std::string must = "must be [height, width], two integers from 8 to 1024, not ";
  EXPECT_EQ(set_list("data.image_size", {"28", "7"}), must + "[28, 7]");
  EXPECT_EQ(set_list("data.image_size", {"28"}), must + "[28]");
  EXPECT_EQ(set_list("data.image_size", {"28", "28", "28"}), must + "[28, 28, 28]");
  EXPECT_EQ(set_scalar("data.image_size", "28"), must + "'28'");
}

TEST(ChannelsField, TakesOneOrThree) {
  EXPECT_EQ(set_scalar("data.channels", "1"), "");
  EXPECT_EQ(set_scalar("data.channels", "3"), "");
  EXPECT_EQ(set_scalar("data.channels", "2"), "must be 1 or 3, not '2'");
}

TEST(DenseWidthsField, TakesOneToEightWidths) {
  EXPECT_EQ(value_after("model.dense_widths", {true, {"8"}}), "[8]");
  EXPECT_EQ(set_list("model.dense_widths", {}),
            "must be a list of 1 to 8 integers from 1 to 65536, not []");
  EXPECT_EQ(set_list("model.dense_widths", std::vector<std::string>(9, "1")),
            "must be a list of 1 to 8 integers from 1 to 65536, not [1, 1, 1, 1, 1, 1, 1, 1, 1]");
}

TEST(DeviceField, TakesKnownDevices) {
  for (const std::string word : {"auto", "cpu", "cuda", "cuda:0", "cuda:12"}) {
    EXPECT_EQ(value_after("run.device", {false, {word}}), word);
  }
}

TEST(DeviceField, RefusesAllElse) {
  for (const std::string word : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:+1", "CPU"}) {
    EXPECT_EQ(set_scalar("run.device", word),
              "must be auto, cpu, cuda or cuda:N, not '" + word + "'");
  }
}

TEST(PathField, RefusesNothing) {
  EXPECT_EQ(set_scalar("data.path", ""),
            "must be a folder, or a file for data.format npy; it has no value");
}

/// The message of the one conflict that there must be.
std::string only_conflict(const Config& config) {
  const auto conflicts = find_conflicts(config);
  EXPECT_EQ(conflicts.size(), 1U);
  return conflicts.empty() ? "" : conflicts[0].message;
}

TEST(FindConflicts, WassersteinNeedsABoundOnTheSlope) {
  Config config;
  config.train.loss = LossKind::wasserstein;
  EXPECT_EQ(only_conflict(config),
            "train.loss: wasserstein needs a discriminator whose slope is bounded, or its loss has "
            "no end: set train.gradient_penalty: 10 (with discriminator.batch_norm: false), or "
            "train.weight_clip: 0.01");
  config.train.gradient_penalty = 10;
  EXPECT_TRUE(find_conflicts(config).empty());
  config.train.gradient_penalty = 0;
  config.train.weight_clip = 0.01;
  EXPECT_TRUE(find_conflicts(config).empty());
}

TEST(FindConflicts, AFewSamplesCantBeMeasured) {
  Config config;
  config.train.evaluate_samples = 9;
  EXPECT_EQ(only_conflict(config),
            "train.evaluate_samples (9) must be at least 10, or 0: fewer images can't be measured");
  config.train.evaluate_samples = 10;
  EXPECT_TRUE(find_conflicts(config).empty());
}

TEST(FindConflicts, SmoothingIsOfProbabilities) {
  Config config;
  config.train.loss = LossKind::hinge;
  config.train.label_smoothing = 0.1;
  EXPECT_EQ(only_conflict(config),
            "train.label_smoothing (0.1) is of a probability, which train.loss: hinge has none of; "
            "set it to 0");
  config.train.loss = LossKind::minimax;
  EXPECT_TRUE(find_conflicts(config).empty());
}

TEST(FindConflicts, IsEmptyForTheDefaults) { EXPECT_TRUE(find_conflicts(Config{}).empty()); }

TEST(FindConflicts, NamesChannelsThatCannotGrow) {
  Config config;
  config.model.base_channels = 64;
  config.model.max_channels = 32;
  EXPECT_EQ(only_conflict(config),
            "model.max_channels (32) must not be below model.base_channels (64)");
}

TEST(FindConflicts, NamesMoreModesThanLatents) {
  Config config;
  config.model.latent_dim = 8;
  config.model.latent_modes = 9;
  EXPECT_EQ(only_conflict(config),
            "model.latent_modes (9) must not be above model.latent_dim (8), of which they are the "
            "first");
}

TEST(FindConflicts, NamesModesThatAreNoMultipleOfTheClasses) {
  Config config;
  config.model.classes = 10;
  EXPECT_EQ(only_conflict(config),
            "model.latent_modes (0) must be a multiple of model.classes (10), whose modes they "
            "are; set model.latent_modes: 10, or model.classes: 0");
  config.model.latent_modes = 36;
  EXPECT_EQ(only_conflict(config),
            "model.latent_modes (36) must be a multiple of model.classes (10), whose modes they "
            "are; set model.latent_modes: 40, or model.classes: 0");
  config.model.latent_modes = 40;
  EXPECT_TRUE(find_conflicts(config).empty());
}

TEST(FindConflicts, AdvisesNoMoreModesThanThereAreLatents) {
  Config config;
  config.model.classes = 10;
  config.model.latent_dim = 36;
  config.model.latent_modes = 36;
  EXPECT_EQ(only_conflict(config),
            "model.latent_modes (36) must be a multiple of model.classes (10), whose modes they "
            "are; set model.latent_modes: 30, or model.classes: 0");
  config.model.latent_dim = 8;
  config.model.latent_modes = 8;
  EXPECT_EQ(only_conflict(config),
            "model.latent_modes (8) must be a multiple of model.classes (10), whose modes they "
            "are; set model.latent_modes: 10 and model.latent_dim: 10, or model.classes: 0");
}

TEST(RemedyForClasses, SetsWhatMustGoWithThem) {
  ModelConfig model;
  model.latent_modes = 20;
  EXPECT_EQ(remedy_for_classes(model, 10), "model.classes: 10");
  EXPECT_EQ(remedy_for_classes(model, 26), "model.classes: 26 and model.latent_modes: 26");
  EXPECT_EQ(remedy_for_classes(model, 200),
            "model.classes: 200 and model.latent_modes: 200 and model.latent_dim: 200");
}

TEST(FindConflicts, NamesATranslationThatLeavesNoImage) {
  Config config;
  config.data.image_size = {28, 12};
  config.train.translation = 12;
  EXPECT_EQ(
      only_conflict(config),
      "train.translation (12) must be below the shorter side of data.image_size (12): nothing "
      "of an image would be left");
}

TEST(FindConflicts, NamesALimitThatLeavesNoBatch) {
  Config config;
  config.data.limit = 63;
  EXPECT_EQ(only_conflict(config),
            "data.limit (63) must not be below train.batch_size (64) while data.drop_last is true: "
            "no batch would be left");
}

TEST(FindConflicts, AllowsASmallLimitWhereTheLastBatchStays) {
  Config config;
  config.data.limit = 63;
  config.data.drop_last = false;
  EXPECT_TRUE(find_conflicts(config).empty());
}

TEST(YamlScalar, QuotesOnlyWhereItMust) {
  EXPECT_EQ(yaml_scalar("data/mnist"), "data/mnist");
  EXPECT_EQ(yaml_scalar("cuda:0"), "cuda:0");
  EXPECT_EQ(yaml_scalar(""), "\"\"");
  EXPECT_EQ(yaml_scalar("null"), "\"null\"");
  EXPECT_EQ(yaml_scalar("a: b #c"), "\"a: b #c\"");
  EXPECT_EQ(yaml_scalar("a\"\\\n"), "\"a\\\"\\\\\\x0a\"");
}

}  // namespace
}  // namespace dcgan
