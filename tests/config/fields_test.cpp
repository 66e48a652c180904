#include "config/fields.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace dcgan {
namespace {

using ::testing::ElementsAre;

/// What the field says to a value: "" where it takes it.
std::string set_value(const std::string& key, const FieldValue& value) {
  Config config;
  const auto problem = find_field(key)->set(config, value);
  return problem ? problem->text : "";
}
std::string set_scalar(const std::string& key, const std::string& text) {
  return set_value(key, {false, {text}});
}
std::string set_list(const std::string& key, const std::vector<std::string>& items) {
  return set_value(key, {true, items});
}

/// The value as YAML after `text` was set.
std::string value_after(const std::string& key, const FieldValue& value) {
  Config config;
  EXPECT_FALSE(find_field(key)->set(config, value));
  return find_field(key)->get(config);
}

TEST(ConfigFields, ExplainThemselves) {
  for (const Field& field : config_fields()) {
    EXPECT_FALSE(field.type.empty()) << field.key;
    EXPECT_TRUE(field.meaning.ends_with('.')) << field.key;
  }
}

TEST(ConfigFields, TakeTheirOwnDefault) {
  const Config defaults;
  for (const Field& field : config_fields()) {
    const std::string text = field.get(defaults);
    FieldValue value{false, {text}};
    if (text.starts_with('[')) {
      value = {true, {}};
      std::string items = text == "[]" ? "" : text.substr(1, text.size() - 2) + ",";
      for (std::size_t comma; (comma = items.find(',')) != std::string::npos;) {
        value.items.push_back(items.substr(0, comma));
        items.erase(0, comma + 1);
        if (items.starts_with(' ')) items.erase(0, 1);
      }
    }
    Config config;
    EXPECT_FALSE(field.set(config, value)) << field.key;
    EXPECT_EQ(field.get(config), text) << field.key;
  }
}

/// Each row must be bound to a field of its own: a copied row that sets its neighbour shows here.
TEST(ConfigFields, EachSetOneFieldAndNoOther) {
  const std::vector<FieldValue> tries{
      {false, {"2"}},        {false, {"0.25"}},    {false, {"false"}},   {false, {"test"}},
      {false, {"3"}},        {false, {"dense"}},   {false, {"gelu"}},    {false, {"cpu"}},
      {false, {"sigmoid"}},  {false, {"minimax"}}, {false, {"cosine"}},  {false, {"a.pt"}},
      {false, {"bf16"}},     {false, {"npy"}},     {false, {"pad"}},     {false, {"black"}},
      {false, {"true"}},     {false, {"auto"}},    {false, {"layer"}},   {false, {"bilinear"}},
      {false, {"avg_pool"}}, {false, {"sgd"}},     {false, {"pytorch"}}, {true, {"9", "11"}}};
  for (const Field& field : config_fields()) {
    const Config defaults;
    Config config;
    for (const FieldValue& value : tries) {
      config = Config{};
      if (!field.set(config, value) && field.get(config) != field.get(defaults)) break;
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
    EXPECT_FALSE(field.set(config, {false, {text}})) << text;
    EXPECT_EQ(config.data.background, colour) << text;
  }
  EXPECT_EQ(field.get(config), "white") << "the last of the map";
  config.data.background = {1, 2, 254};
  EXPECT_EQ(field.get(config), "\"#0102fe\"");
}

TEST(ColourField, RefusesAnythingElse) {
  for (const char* text : {"", "red", "ff8001", "#ff80", "#ff80011", "#ff800g", "0"}) {
    EXPECT_THAT(set_scalar("data.background", text),
                ::testing::StartsWith("must be black, white or a quoted \"#rrggbb\""))
        << text;
  }
}

TEST(FindField, KnowsNoOtherKey) { EXPECT_EQ(find_field("train.batchsize"), nullptr); }

TEST(IntegerField, TakesItsRange) {
  const std::string must = "must be an integer from 2 to 65536, or auto, not ";
  for (const char* const text : {"2", "65536"}) EXPECT_EQ(set_scalar("train.batch_size", text), "");
  for (const std::string text : {"1", "65537", "abc", "1e3", "64.0"}) {
    EXPECT_EQ(set_scalar("train.batch_size", text), fmt::format("{}'{}'", must, text));
  }
  EXPECT_EQ(set_list("train.batch_size", {"64"}), must + "'[64]'");
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
  EXPECT_EQ(set_scalar("data.shuffle", "yes"), "must be false or true, not 'yes'");
  EXPECT_EQ(set_scalar("data.shuffle", "1"), "must be false or true, not '1'");
}

TEST(ChoiceField, SuggestsTheNearestWord) {
  Config config;
  const auto problem = find_field("generator.activation")->set(config, {false, {"leaky-relu"}});
  ASSERT_TRUE(problem);
  EXPECT_EQ(problem->text, "must be relu, leaky_relu, elu, selu, gelu or swish, not 'leaky-relu'");
  EXPECT_EQ(problem->remedy, "did you mean 'leaky_relu'?");
}

TEST(ChoiceField, ReadsBackEveryWord) {
  for (const std::string word : {"relu", "leaky_relu", "elu", "selu", "gelu", "swish"}) {
    EXPECT_EQ(value_after("generator.activation", {false, {word}}), word);
  }
}

TEST(ImageSizeField, TakesHeightThenWidth) {
  Config config;
  EXPECT_FALSE(find_field("data.image_size")->set(config, {true, {"13", "21"}}));
  EXPECT_THAT(config.data.image_size, ElementsAre(13, 21));
}

TEST(ImageSizeField, RefusesAllElse) {
  const std::string must = "must be [height, width], two integers from 8 to 1024, not ";
  EXPECT_EQ(set_list("data.image_size", {"28", "7"}), must + "'[28, 7]'");
  EXPECT_EQ(set_list("data.image_size", {"28"}), must + "'[28]'");
  EXPECT_EQ(set_list("data.image_size", {"28", "28", "28"}), must + "'[28, 28, 28]'");
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
            "must be a list of 1 to 8 integers from 1 to 65536, not '[]'");
  EXPECT_EQ(set_list("model.dense_widths", std::vector<std::string>(9, "1")),
            "must be a list of 1 to 8 integers from 1 to 65536, not '[1, 1, 1, 1, 1, 1, 1, 1, 1]'");
}

TEST(DeviceField, TakesKnownDevices) {
  for (const std::string word : {"auto", "cpu", "cuda", "cuda:0", "cuda:12"}) {
    EXPECT_EQ(value_after("run.device", {false, {word}}), word);
  }
}

TEST(DeviceField, RefusesAllElse) {
  for (const std::string word : {"gpu", "cuda:", "cuda:x", "cuda:-1", "cuda:128", "CPU"}) {
    EXPECT_EQ(set_scalar("run.device", word),
              "must be auto, cpu, cuda or cuda:N, not '" + word + "'");
  }
}

TEST(PathField, RefusesNothing) {
  EXPECT_EQ(set_scalar("data.path", ""), "must be a folder, or a file for data.format npy, not ''");
}

TEST(FindConflicts, NamesWhatDoesNotGoTogetherAndAWayOut) {
  struct Case {
    std::function<void(Config&)> change;
    std::string text;
    std::string remedy;
  };
  const auto classes = [](std::int64_t latents, std::int64_t modes) {
    return [=](Config& c) {
      c.model.classes = 10;
      c.model.latent_dim = latents;
      c.model.latent_modes = modes;
    };
  };
  for (const Case& one : std::vector<Case>{
           {[](Config& c) { c.train.loss = LossKind::wasserstein; },
            "train.loss: wasserstein needs a discriminator whose slope is bounded, or its loss has "
            "no end",
            "set train.gradient_penalty: 10 (with discriminator.norm: none), or "
            "train.weight_clip: 0.01"},
           {[](Config& c) {
              c.model.kind = ModelKind::dense;
              c.generator.norm = Norm::instance;
            },
            "generator.norm: instance would make each output of a dense layer 0: it normalises "
            "over an image's pixels, of which there is one",
            "set it to layer"},
           {[](Config& c) { c.train.evaluate_samples = 9; },
            "train.evaluate_samples (9) must be at least 10, or 0: fewer images can't be measured",
            ""},
           {[](Config& c) {
              c.train.loss = LossKind::hinge;
              c.train.label_smoothing = 0.1;
            },
            "train.label_smoothing (0.1) is of a probability, which train.loss: hinge has none of",
            "set it to 0"},
           {[](Config& c) { c.model.max_channels = 32; },
            "model.max_channels (32) must not be below model.base_channels (64)", ""},
           {[](Config& c) { c.generator.base_channels = 600; },
            "model.max_channels (512) must not be below generator.base_channels (600)", ""},
           {[](Config& c) { c.model.latent_modes = 101; },
            "model.latent_modes (101) must not be above model.latent_dim (100), of which they are "
            "the first",
            ""},
           {classes(100, 36),
            "model.latent_modes (36) must be a multiple of model.classes (10), whose modes they "
            "are",
            "set model.classes: 10, model.latent_modes: 10, or model.classes: 0"},
           {classes(8, 8),
            "model.latent_modes (8) must be a multiple of model.classes (10), whose modes they are",
            "set model.classes: 10, model.latent_modes: 10, model.latent_dim: 10, or "
            "model.classes: 0"},
           {[](Config& c) {
              c.data.image_size = {28, 12};
              c.train.translation = 12;
            },
            "train.translation (12) must be below the shorter side of data.image_size (12): "
            "nothing of an image would be left",
            ""},
           {[](Config& c) { c.train.translation = 3; },
            "train.translation (3) must be even: odd shifts would leave a pattern of two pixels to "
            "the samples",
            "set train.translation: 4"},
           {[](Config& c) { c.data.limit = 63; },
            "data.limit (63) must not be below train.batch_size (64) while data.drop_last is true: "
            "no batch would be left",
            ""},
           {[](Config& c) {
              c.data.format = DataFormat::folder;
              c.data.split = DataSplit::test;
              c.data.held_out = 0;
            },
            "data.split: test is what data.held_out keeps back, and that is 0", ""}}) {
    Config config;
    one.change(config);
    const auto conflicts = find_conflicts(config);
    ASSERT_EQ(conflicts.size(), 1U) << one.text;
    EXPECT_EQ(conflicts[0].problem.text, one.text);
    EXPECT_EQ(conflicts[0].problem.remedy, one.remedy);
  }
}

TEST(FindConflicts, IsEmptyWhereAllIsWell) {
  for (const auto& change :
       std::vector<std::function<void(Config&)>>{[](Config&) {},
                                                 [](Config& c) {
                                                   c.train.loss = LossKind::wasserstein;
                                                   c.train.weight_clip = 0.01;
                                                 },
                                                 [](Config& c) { c.train.evaluate_samples = 10; },
                                                 [](Config& c) {
                                                   c.train.loss = LossKind::minimax;
                                                   c.train.label_smoothing = 0.1;
                                                 },
                                                 [](Config& c) {
                                                   c.model.classes = 10;
                                                   c.model.latent_modes = 40;
                                                 },
                                                 [](Config& c) {
                                                   c.data.limit = 63;
                                                   c.data.drop_last = false;
                                                 },
                                                 [](Config& c) {
                                                   c.data.split = DataSplit::test;  // MNIST has one
                                                   c.data.held_out = 0;
                                                 }}) {
    Config config;
    change(config);
    for (const Conflict& conflict : find_conflicts(config)) ADD_FAILURE() << conflict.problem.text;
  }
}

TEST(RemedyForClasses, SetsWhatMustGoWithThem) {
  EXPECT_EQ(remedy_for_classes({}, 26), "model.classes: 26, model.latent_modes: 26");
  EXPECT_EQ(remedy_for_classes({}, 200),
            "model.classes: 200, model.latent_modes: 200, model.latent_dim: 200");
}

TEST(YamlScalar, QuotesOnlyWhereItMust) {
  EXPECT_EQ(yaml_scalar("data/mnist"), "data/mnist");
  EXPECT_EQ(yaml_scalar("cuda:0"), "cuda:0");
  EXPECT_EQ(yaml_scalar(""), "\"\"");
  EXPECT_EQ(yaml_scalar("null"), "\"null\"");
  EXPECT_EQ(yaml_scalar("a: b #c"), "\"a: b #c\"");
  EXPECT_EQ(yaml_scalar("a\"\\\n"), "\"a\\\"\\\\\\n\"");
}

}  // namespace
}  // namespace dcgan
