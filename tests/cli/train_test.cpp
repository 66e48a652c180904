// `dcgan train`, as a user runs it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/training_fixture.h"

namespace dcgan {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ProgramResult;
using testing::run_program;
using testing::TempFolder;
using testing::Training;

std::string configs_folder() { return std::string(DCGAN_SOURCE_DIR) + "/configs"; }

TEST(Smoke, ConfigurationTrainsFromItsOwnFolder) {
  const TempFolder out;
  const ProgramResult result =
      run_program({"train", "--config", "smoke.yaml", "--out", (out / "run").string()},
                  {.folder = configs_folder()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_TRUE(std::filesystem::exists(out / "run" / "g.pt"));
}

class ShippedConfiguration : public ::testing::TestWithParam<const char*> {};

TEST_P(ShippedConfiguration, TakesAStep) {
  if (std::string(GetParam()) == "fashion.yaml" &&
      !std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    GTEST_SKIP() << "Debian's package dataset-fashion-mnist is not installed";
  }
  const ProgramResult result =
      run_program({"train", "--config", GetParam(), "--dry-run", "--set", "data.limit=256"},
                  {.folder = configs_folder()});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  EXPECT_THAT(result.out, HasSubstr("one step: D "));
}

INSTANTIATE_TEST_SUITE_P(All, ShippedConfiguration,
                         ::testing::Values("mnist.yaml", "mnist-best.yaml", "mnist-paper.yaml",
                                           "quick.yaml", "smoke.yaml", "dense.yaml", "fashion.yaml",
                                           "wgan.yaml"),
                         [](const auto& entry) {
                           std::string name = entry.param;
                           name.resize(name.find('.'));
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

TEST_F(Training, WritesItsRunDirectory) {
  train("run");
  for (const char* name : {"config.yaml", "metrics.jsonl", "train.log", "g.pt", "samples/real.png",
                           "samples/000000.png", "samples/000064.png", "samples/000128.png",
                           "checkpoints/000064.pt", "checkpoints/000128.pt"}) {
    EXPECT_TRUE(exists(std::string("run/") + name)) << name;
  }
}

TEST_F(Training, SaysWhereThingsAreAndWhatToTryNext) {
  EXPECT_EQ(train("run").out,
            "trained 128 steps\n"
            "samples:   run/samples/000128.png\n"
            "generator: run/g.pt\n"
            "try next:\n"
            "  " DCGAN_PROGRAM
            " sample --ckpt run/g.pt -n 64 --seed 7\n"
            "  " DCGAN_PROGRAM " sample --ckpt run/g.pt --interpolate 8\n");
}

TEST_F(Training, PrintsTheConfigurationWithOriginsAndBothNetworksFirst) {
  const std::string err = train("run", {"--set", "generator.lr=0.001", "--seed", "5"}).err;
  EXPECT_THAT(err, HasSubstr("tiny.yaml:3"));
  EXPECT_THAT(err, HasSubstr("--set"));
  EXPECT_THAT(err, HasSubstr("--seed"));
  EXPECT_THAT(err, Not(HasSubstr("train.beta1")));  // a default
  EXPECT_THAT(train("other", {"-v"}).err, HasSubstr("train.beta1"));
  EXPECT_LT(err.find("generator.lr"), err.find("epoch 1/2"));
  EXPECT_LT(err.find("transposed convolution 4x4"), err.find("epoch 1/2"));
  EXPECT_LT(err.find("convolution 4x4 /2, leaky_relu"), err.find("epoch 1/2"));
}

TEST_F(Training, OffATerminalWritesPlainLines) {
  const std::string err = train("run").err;
  EXPECT_THAT(err, HasSubstr("epoch 2/2  step 128/128  D "));
  EXPECT_THAT(err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(err, Not(HasSubstr("\r")));
}

TEST_F(Training, LogsWhatItSays) {
  train("run");
  EXPECT_THAT(bytes("run/train.log"), HasSubstr("info epoch 2/2  step 128/128  D "));
  // Said before there was a folder to log in.
  EXPECT_THAT(bytes("run/train.log"), HasSubstr("info the samples are not evaluated: 512 images"));
}

TEST_F(Training, VerbosePrintsALineWheneverMetricsAreWritten) {
  const std::string err = train("run", {"-v"}).err;
  EXPECT_THAT(err, HasSubstr("step 12/128"));
  EXPECT_THAT(err, HasSubstr("step 16/128"));
}

TEST_F(Training, QuietSaysNothingOnStderr) { EXPECT_EQ(train("run", {"-q"}).err, ""); }

TEST_F(Training, WritesAMetricsLineEveryLogEverySteps) {
  train("run");
  const auto lines = metrics("run");
  ASSERT_EQ(lines.size(), 32U);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const std::int64_t step = static_cast<std::int64_t>(i + 1) * 4;
    EXPECT_EQ(lines[i]["step"], step);
    EXPECT_EQ(lines[i]["epoch"], (step - 1) / 64 + 1);
    EXPECT_EQ(lines[i]["images"], step * 8);
    for (const char* key :
         {"d_loss", "g_loss", "d_real", "d_fake", "d_fake_after", "seconds", "images_per_second"}) {
      EXPECT_TRUE(lines[i][key].is_number()) << key;
    }
  }
}

TEST_F(Training, DefaultDirectoryIsANewOneEachTime) {
  for (const char* expected : {"runs/tiny-001/g.pt", "runs/tiny-002/g.pt"}) {
    const ProgramResult result = run({"train", "--config", "tiny.yaml", "--set", "data.limit=16"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_TRUE(exists(expected)) << expected;
  }
}

TEST_F(Training, OfOneSeedRepeatsByteForByte) {
  train("a");
  train("b");
  expect_same_end("a", "b", "000128");
}

TEST_F(Training, OfAnotherSeedDiffers) {
  train("a");
  train("b", {"--seed", "2"});
  EXPECT_NE(bytes("a/samples/000128.png"), bytes("b/samples/000128.png"));
}

TEST_F(Training, DoesNotDependOnHowMuchIsLogged) {
  train("a");
  train("b", {"--set", "train.log_every=1", "--set", "train.sample_every=3", "--set",
              "train.checkpoint_every=5"});
  EXPECT_EQ(bytes("a/samples/000128.png"), bytes("b/samples/000128.png"));
}

TEST_F(Training, KeepsTheNewestCheckpoints) {
  train("run", {"--set", "train.checkpoint_every=10", "--set", "run.keep_checkpoints=3"});
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder_ / "run" / "checkpoints")) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("000110.pt", "000120.pt", "000128.pt"));
}

TEST_F(Training, OfAnotherSizeThanItStartsFromLeavesNoRun) {
  train("source", {"--set", "train.epochs=1"});
  const ProgramResult refused = run({"train", "--config", "tiny.yaml", "--out", "run", "--set",
                                     "train.init_from=source", "--set", "model.base_channels=6"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_THAT(refused.err, HasSubstr("generator.layer1.weight [8, 24, 4, 4] here, [8, 16, 4, 4] "
                                     "there"));
  EXPECT_FALSE(exists("run"));
}

TEST_F(Training, OtherClassesThanTheSetsLeaveNoRun) {
  const ProgramResult result = run({"train", "--config", "tiny.yaml", "--out", "run", "--set",
                                    "model.classes=4", "--set", "model.latent_modes=4"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_THAT(result.err, HasSubstr("model.classes is 4, but MNIST train, "));
  EXPECT_THAT(
      result.err,
      HasSubstr("has images of 10 classes; set model.classes: 0 to train without classes, or "
                "model.classes: 10, model.latent_modes: 10, model.latent_dim: 10\n"));
  EXPECT_FALSE(exists("run"));
}

TEST_F(Training, AWrongFileOfFeaturesLeavesNoRun) {
  const ProgramResult result =
      run({"train", "--config", "tiny.yaml", "--out", "run", "--set", "train.features=none.pt"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("none.pt: "));
  EXPECT_FALSE(exists("run"));
}

TEST_F(Training, FeaturesThatDoNotFitTheImagesLeaveNoRun) {
  const std::string features = std::string(DCGAN_SOURCE_DIR) + "/tests/fixtures/measures.pt";
  const ProgramResult result =
      run({"train", "--config", "tiny.yaml", "--out", "run", "--set", "train.evaluate_samples=100",
           "--set", "train.features=" + features});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr(features + ": it fails, or makes no features, for images of"));
  EXPECT_FALSE(exists("run"));
}

TEST_F(Training, PrecisionAutoIsWrittenAsWhatItWas) {
  const ProgramResult trained = train("run", {"--set", "train.precision=auto"});
  const std::string config = bytes("run/config.yaml");
  const bool half = config.find("precision: bf16") != std::string::npos;
  EXPECT_NE(half, config.find("precision: fp32") != std::string::npos) << config;
  EXPECT_THAT(trained.err, HasSubstr(half ? "train.precision: auto is bf16 here"
                                          : "train.precision: auto is fp32 here"));
}

TEST_F(Training, RefusesALastBatchThatBatchNormCannotNormalise) {
  // 65 images in batches of 8 leave one; its features have no variance.
  const ProgramResult result = run({"train", "--config", "tiny.yaml", "--set", "model.kind=dense",
                                    "--set", "data.limit=65", "--set", "data.drop_last=false"});
  EXPECT_EQ(result.exit_code, 2);
  EXPECT_EQ(result.err,
            "dcgan: an epoch's last batch has a single image, which BatchNorm can't normalise; "
            "set data.drop_last: true, another train.batch_size, or norm: layer for "
            "both networks\n");
  EXPECT_FALSE(exists("runs"));
}

TEST_F(Training, WithClosedStandardStreamsKeepsItsFilesClean) {
  const ProgramResult result =
      run_program({"-c", "exec " DCGAN_PROGRAM " train --config tiny.yaml --out run <&- >&- 2>&-"},
                  {.folder = folder_.path(), .program = "/bin/sh"});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(metrics("run").size(), 32U);  // every line is JSON
}

TEST_F(Training, DryRunTakesAStepAndWritesNothing) {
  const ProgramResult result = run({"train", "--config", "tiny.yaml", "--dry-run"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  for (const char* part :
       {"model.latent_dim", "transposed convolution", "512 images", "one step: D ", "memory: "}) {
    EXPECT_THAT(result.out, HasSubstr(part));
  }
  EXPECT_FALSE(exists("runs"));
}

TEST_F(Training, StopsAtALossThatIsNotFinite) {
  const ProgramResult result =
      run({"train", "--config", "tiny.yaml", "--out", "run", "--set", "model.init_deviation=1e20"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err,
              ::testing::EndsWith("dcgan: run: step 1: a loss is not a finite number (D nan, G "
                                  "nan) (no checkpoint had been "
                                  "written yet); try a lower generator.lr and discriminator.lr, "
                                  "model.init_deviation near 0.02, "
                                  "generator.norm and discriminator.norm: batch\n"));
  EXPECT_FALSE(exists("run/g.pt"));
}

struct ModelCase {
  const char* name;
  std::vector<std::string> settings;
};

void PrintTo(const ModelCase& model, std::ostream* out) { *out << model.name; }

class ModelByConfiguration : public Training, public ::testing::WithParamInterface<ModelCase> {};

TEST_P(ModelByConfiguration, TrainsAndSamples) {
  std::vector<std::string> more{"--set", "data.limit=32", "--set", "train.epochs=1"};
  for (const std::string& setting : GetParam().settings) {
    more.push_back("--set");
    more.push_back(setting);
  }
  train("run", more);
  const ProgramResult result = run({"sample", "--ckpt", "run/g.pt", "-n", "4"});
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

INSTANTIATE_TEST_SUITE_P(
    Settings, ModelByConfiguration,
    ::testing::Values(
        ModelCase{"Dense", {"model.kind=dense", "model.dense_widths=[16, 32]"}},
        ModelCase{"Smallest", {"data.image_size=[8, 8]"}},
        ModelCase{"ColourAndOddSizes", {"data.image_size=[33, 17]", "data.channels=3"}},
        ModelCase{"Sixtyfour", {"data.image_size=[64, 64]", "model.max_channels=8"}},
        ModelCase{"LeakyRelu", {"generator.activation=leaky_relu", "generator.slope=0.1"}},
        ModelCase{"EluAndRelu", {"generator.activation=elu", "discriminator.activation=relu"}},
        ModelCase{"SeluAndGelu", {"generator.activation=selu", "discriminator.activation=gelu"}},
        ModelCase{"Swish", {"generator.activation=swish", "discriminator.activation=swish"}},
        ModelCase{"Sigmoid", {"generator.output=sigmoid"}},
        ModelCase{"NoBatchNorm", {"generator.norm=none", "discriminator.norm=none"}},
        ModelCase{"BatchAll", {"generator.norm=batch_all", "discriminator.norm=batch_all"}},
        ModelCase{"LayerNorm", {"generator.norm=layer", "discriminator.norm=layer"}},
        ModelCase{"InstanceNorm", {"generator.norm=instance", "discriminator.norm=instance"}},
        ModelCase{"SpectralNorm", {"generator.norm=spectral", "discriminator.norm=spectral"}},
        ModelCase{"MaxPoolNearest", {"model.downsampling=max_pool", "model.upsampling=nearest"}},
        ModelCase{"AvgPoolBilinear",
                  {"model.downsampling=avg_pool", "model.upsampling=bilinear",
                   "data.image_size=[33, 17]"}},
        ModelCase{"Minimax", {"train.loss=minimax", "train.beta1=0.9"}},
        ModelCase{"IncompleteBatch",
                  {"data.drop_last=false", "data.limit=27", "data.shuffle=false"}}),
    [](const auto& entry) { return std::string(entry.param.name); });

}  // namespace
}  // namespace dcgan
