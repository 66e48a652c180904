#include "generate/generator_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "config/fields.h"
#include "config/resolve.h"
#include "dcgan/sampler.h"
#include "model/forward.h"
#include "runtime/random.h"
#include "support/expect_error.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "training/checkpoint.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::small_config;
using testing::small_trained_state;
using testing::TempFolder;

torch::Tensor latents(std::int64_t count, std::int64_t dim) {
  return normal_rows(9, Purpose::sample_latents, 0, count, dim);
}

struct GeneratorCase {
  const char* name;
  Config config;
};

void PrintTo(const GeneratorCase& generator, std::ostream* out) { *out << generator.name; }

class GeneratorFileOf : public ::testing::TestWithParam<GeneratorCase> {
 protected:
  GeneratorFileOf() { save_generator(path_, state_.generator, config_, 3); }

  torch::Tensor images_of_network(const torch::Tensor& z) const {
    const torch::NoGradGuard no_grad;
    const torch::Tensor images = forward(state_.generator, z, Mode::eval);
    return config_.output == OutputRange::tanh ? images : images * 2.0 - 1.0;
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "g.pt";
  Config config_ = GetParam().config;
  TrainState state_ = small_trained_state(config_);
};

TEST_P(GeneratorFileOf, ScriptEqualsTheNetwork) {
  torch::jit::Module module = torch::jit::load(path_.string());
  const torch::Tensor z = latents(5, config_.model.latent_dim);
  const torch::Tensor images = module.forward({z}).toTensor();
  EXPECT_TRUE(torch::allclose(images, images_of_network(z), 1e-5, 1e-6));
  EXPECT_LE(images.abs().max().item<double>(), 1.0);
}

TEST(GeneratorFile, HasEveryActivationInItsScript) {
  const TempFolder folder;
  for (const Activation activation : {Activation::relu, Activation::leaky_relu, Activation::elu,
                                      Activation::selu, Activation::gelu, Activation::swish}) {
    Config config = small_config();
    config.generator.activation = activation;
    config.generator.slope = 0.3;
    const TrainState state = small_trained_state(config);
    save_generator(folder / "g.pt", state.generator, config, 3);
    torch::jit::Module module = torch::jit::load((folder / "g.pt").string());
    const torch::Tensor z = latents(5, config.model.latent_dim);
    const torch::NoGradGuard no_grad;
    EXPECT_TRUE(torch::allclose(module.forward({z}).toTensor(),
                                forward(state.generator, z, Mode::eval), 1e-5, 1e-6))
        << to_string(activation);
  }
}

TEST_P(GeneratorFileOf, ScriptStaysInEvalMode) {
  torch::jit::Module module = torch::jit::load(path_.string());
  module.train();
  const torch::Tensor z = latents(5, config_.model.latent_dim);
  const torch::Tensor together = module.forward({z}).toTensor();
  const torch::Tensor alone = module.forward({z.narrow(0, 3, 1)}).toTensor();
  EXPECT_TRUE(torch::allclose(together[3], alone[0], 1e-5, 1e-6));
}

TEST_P(GeneratorFileOf, LoadsAsTheSameNetwork) {
  const GeneratorFile file = load_generator(read_archive(path_, ArchiveKind::generator), path_);
  EXPECT_TRUE(testing::equal(named_tensors(file.generator), named_tensors(state_.generator)));
  EXPECT_EQ(to_yaml(file.config), to_yaml(config_));
  EXPECT_EQ(file.step, 3);
}

TEST_P(GeneratorFileOf, CheckpointHoldsTheSameGenerator) {
  const auto checkpoint = folder_ / "000003.pt";
  save_checkpoint(checkpoint, state_, config_, "");
  const GeneratorFile file =
      load_generator(read_archive(checkpoint, ArchiveKind::checkpoint), checkpoint);
  EXPECT_TRUE(testing::equal(named_tensors(file.generator), named_tensors(state_.generator)));
}

TEST(GeneratorFile, HoldsTheAverageAndACheckpointBoth) {
  const TempFolder folder;
  const Config config = testing::small_regularised_config();
  const TrainState state = testing::small_trained_state(config);
  ASSERT_FALSE(testing::equal(named_tensors(*state.average), named_tensors(state.generator)));
  save_generator(folder / "g.pt", best_generator(state), config, 3);
  save_checkpoint(folder / "c.pt", state, config, "");
  const auto load = [&](const std::string& name, ArchiveKind kind, Weights weights) {
    const Archive archive = read_archive(folder / name, kind);
    return named_tensors(load_generator(archive, folder / name, weights).generator);
  };
  const NamedTensors average = named_tensors(*state.average);
  EXPECT_TRUE(testing::equal(load("g.pt", ArchiveKind::generator, Weights::averaged), average));
  EXPECT_TRUE(testing::equal(load("c.pt", ArchiveKind::checkpoint, Weights::averaged), average));
  EXPECT_TRUE(testing::equal(load("c.pt", ArchiveKind::checkpoint, Weights::raw),
                             named_tensors(state.generator)));
}

TEST(GeneratorFile, KeepsWhichClassIsWhich) {
  const TempFolder folder;
  Config config = testing::small_regularised_config();
  config.model.latent_modes = 3;
  config.model.classes = 3;
  const TrainState state = testing::small_trained_state(config);
  // A folder's name may be anything; a fourth class is not the generator's.
  const std::vector<std::string> names{"5", "a\nb", "\xff", "rest"};
  save_generator(folder / "g.pt", best_generator(state), config, 3, names);
  save_checkpoint(folder / "c.pt", state, config, "", names);
  save_generator(folder / "plain.pt", best_generator(state), config, 3);
  const auto classes = [&](const std::string& name, ArchiveKind kind) {
    return load_generator(read_archive(folder / name, kind), folder / name).classes;
  };
  const std::vector<std::string> kept{"5", "a?b", "\xef\xbf\xbd"};
  EXPECT_EQ(classes("g.pt", ArchiveKind::generator), kept);
  EXPECT_EQ(classes("c.pt", ArchiveKind::checkpoint), kept);
  EXPECT_TRUE(classes("plain.pt", ArchiveKind::generator).empty());
  EXPECT_NO_THROW(torch::jit::load((folder / "g.pt").string()));
}

// As older programs wrote it.
TEST(GeneratorFile, OpensWithoutLaterKeysAndNotes) {
  const TempFolder folder;
  const Config config = testing::small_config();
  save_generator(folder / "g.pt", testing::small_trained_state(config).generator, config, 3);
  Archive archive = read_archive(folder / "g.pt", ArchiveKind::generator);
  const std::string key = "  levels: full\n";
  archive.config.erase(archive.config.find(key), key.size());
  const GeneratorFile file = load_generator(archive, folder / "g.pt");
  EXPECT_EQ(file.config.data.levels, Levels::full);
  EXPECT_TRUE(file.classes.empty());
}

TEST(GeneratorFile, RawWeightsOfAnAverageAreRefused) {
  const TempFolder folder;
  const Config config = testing::small_regularised_config();
  save_generator(folder / "g.pt", best_generator(testing::small_trained_state(config)), config, 3);
  EXPECT_THAT(caught([&] { Sampler::open(folder / "g.pt", torch::kCPU, {}, Weights::raw); }),
              IsError(ErrorKind::failure, folder / "g.pt", "it holds the averaged weights alone",
                      "--raw needs a checkpoint of its run, such as checkpoints/NNNNNN.pt"));
}

TEST_P(GeneratorFileOf, SamplerMakesTheScriptsImages) {
  const Sampler sampler = Sampler::open(path_, torch::kCPU, {});
  const torch::Tensor z = latents(5, config_.model.latent_dim);
  torch::jit::Module module = torch::jit::load(path_.string());
  const torch::Tensor difference = (sampler.generate(z).to(torch::kInt) -
                                    to_bytes(module.forward({z}).toTensor()).to(torch::kInt))
                                       .abs();
  EXPECT_LE(difference.max().item<int>(), 1);  // a value on the edge between two bytes
}

std::vector<GeneratorCase> generators() {
  Config dcgan = small_config();
  Config colour = small_config();
  colour.data.channels = 3;
  colour.data.image_size = {9, 14};
  Config dense = small_config();
  dense.model.kind = ModelKind::dense;
  dense.model.dense_widths = {6, 7};
  Config plain = small_config();
  plain.generator.norm = Norm::none;
  plain.generator.activation = Activation::swish;
  plain.output = OutputRange::sigmoid;
  Config layer = colour;
  layer.generator.norm = Norm::layer;
  layer.model.upsampling = Upsampling::nearest;
  Config instance = layer;
  instance.generator.norm = Norm::instance;
  instance.model.upsampling = Upsampling::bilinear;
  instance.generator.extra_layers = 1;
  Config spectral = colour;
  spectral.generator.norm = Norm::spectral;
  spectral.model.upsampling = Upsampling::nearest;
  Config dense_spectral = dense;
  dense_spectral.generator.norm = Norm::spectral;
  Config batch_all = colour;
  batch_all.generator.norm = Norm::batch_all;
  Config modes = small_config();
  modes.model.latent_modes = 2;
  Config dense_modes = dense;
  dense_modes.model.latent_modes = modes.model.latent_dim;
  Config classes = small_config();
  classes.model.latent_dim = 5;
  classes.model.latent_modes = 4;
  classes.model.classes = 2;
  return {{"dcgan", dcgan},
          {"colour", colour},
          {"dense", dense},
          {"plain", plain},
          {"modes", modes},
          {"dense_modes", dense_modes},
          {"classes", classes},
          {"layer", layer},
          {"instance", instance},
          {"spectral", spectral},
          {"dense_spectral", dense_spectral},
          {"batch_all", batch_all}};
}

std::string case_name(const ::testing::TestParamInfo<GeneratorCase>& entry) {
  return entry.param.name;
}

INSTANTIATE_TEST_SUITE_P(Kinds, GeneratorFileOf, ::testing::ValuesIn(generators()), case_name);

/// A TorchScript that somebody else wrote.
std::filesystem::path write_foreign(const TempFolder& folder, const std::string& body,
                                    torch::Tensor weight) {
  torch::jit::Module module("Foreign");
  module.register_parameter("weight", std::move(weight), false);
  module.define("def forward(self, z):\n    return " + body + "\n");
  const auto path = folder / "foreign.pt";
  module.save(path.string());
  return path;
}

TEST(Sampler, FindsTheLatentSizeOfALinearGenerator) {
  const TempFolder folder;
  const auto path =
      write_foreign(folder, "torch.tanh(torch.linear(z, self.weight)).reshape([-1, 1, 2, 3])",
                    torch::randn({6, 5}));
  const Sampler sampler = Sampler::open(path, torch::kCPU, {});
  EXPECT_EQ(sampler.latent_dim(), 5);
  EXPECT_EQ(sampler.generate(latents(2, 5)).sizes(), (std::vector<std::int64_t>{2, 1, 2, 3}));
}

TEST(Sampler, FindsTheLatentSizeOfAConvolutionalGenerator) {
  const TempFolder folder;
  const auto path = write_foreign(folder, "torch.tanh(torch.conv_transpose2d(z, self.weight))",
                                  torch::randn({7, 3, 4, 4}));
  const Sampler sampler = Sampler::open(path, torch::kCPU, {});
  EXPECT_EQ(sampler.latent_dim(), 7);
  EXPECT_EQ(sampler.generate(latents(2, 7)).sizes(), (std::vector<std::int64_t>{2, 3, 4, 4}));
}

TEST(Sampler, TakesTheUnitRangeForWhatItIs) {
  const TempFolder folder;
  const auto path =
      write_foreign(folder, "torch.linear(z, self.weight).reshape([-1, 1, 2, 3]) * 0.0 + 0.5",
                    torch::randn({6, 5}));
  const Sampler sampler = Sampler::open(path, torch::kCPU, {});
  EXPECT_EQ(sampler.generate(latents(1, 5)).max().item<int>(), 128);
}

TEST(Sampler, NeedsTheLatentSizeWhereItCannotBeFound) {
  const TempFolder folder;
  const auto path = write_foreign(
      folder, "torch.tanh(z[:, :4].reshape([-1, 1, 2, 2]) * self.weight)", torch::randn({1}));
  EXPECT_THAT(caught([&] { Sampler::open(path, torch::kCPU, {}); }),
              IsError(ErrorKind::failure, path,
                      "a TorchScript that is no generator, or one of another latent size",
                      HasSubstr("name the size with --latent-dim")));
  EXPECT_EQ(Sampler::open(path, torch::kCPU, 4).latent_dim(), 4);
}

TEST(Sampler, RefusesATorchScriptThatMakesNoImages) {
  const TempFolder folder;
  const auto path = write_foreign(folder, "torch.linear(z, self.weight)", torch::randn({6, 5}));
  EXPECT_THAT(
      caught([&] { Sampler::open(path, torch::kCPU, 5); }),
      IsError(ErrorKind::failure, path, HasSubstr("is no generator"), HasSubstr("--latent-dim")));
}

TEST(Sampler, RefusesImagesOfAnotherRange) {
  const TempFolder folder;
  const auto path = write_foreign(
      folder, "(torch.tanh(torch.linear(z, self.weight)).reshape([-1, 1, 2, 3]) + 1.0) * 127.5",
      torch::randn({6, 5}));
  EXPECT_THAT(caught([&] { Sampler::open(path, torch::kCPU, {}); }),
              IsError(ErrorKind::failure, path, "its images are neither in [-1, 1] nor in [0, 1]",
                      "scale its output"));
}

TEST(Sampler, RefusesImagesThatAreNotFinite) {
  const TempFolder folder;
  const auto path =
      write_foreign(folder, "torch.tanh(torch.linear(z, self.weight)).reshape([-1, 1, 2, 3])",
                    torch::full({6, 5}, std::nan("")));
  EXPECT_THAT(caught([&] { Sampler::open(path, torch::kCPU, {}).generate(latents(2, 5)); }),
              IsError(ErrorKind::failure, path, HasSubstr("NaN or infinity"), "use another file"));
}

TEST(Sampler, TakesAGeneratorWithWeightsOfAnyType) {
  const TempFolder folder;
  const std::string body = "torch.tanh(torch.conv_transpose2d(z, self.weight))";
  // Exact in every type.
  const torch::Tensor weight =
      torch::arange(7 * 3 * 16).remainder(17).sub(8).div(16.0).view({7, 3, 4, 4});
  const auto images_of = [&](torch::Dtype type) {
    const auto path = write_foreign(folder, body, weight.to(type));
    return Sampler::open(path, torch::kCPU, {}).generate(latents(2, 7)).to(torch::kInt64);
  };
  const torch::Tensor expected = images_of(torch::kFloat32);
  EXPECT_TRUE(torch::equal(images_of(torch::kHalf), expected));
  EXPECT_TRUE(torch::equal(images_of(torch::kBFloat16), expected));
  EXPECT_LE((images_of(torch::kFloat64) - expected).abs().max().item<int>(), 1);
}

TEST(ToBytes, RoundsAndClamps) {
  const auto bytes = to_bytes(torch::tensor({-2.0F, -1.0F, 0.0F, 1.0F, 2.0F}).view({1, 1, 1, 5}));
  EXPECT_TRUE(torch::equal(bytes.flatten(),
                           torch::tensor({0, 0, 128, 255, 255}, torch::kInt).to(torch::kUInt8)));
}

TEST(Slerp, KeepsTheEndsAndTheNormBetweenThem) {
  const auto from = torch::tensor({2.0F, 0.0F, 0.0F});
  const auto to = torch::tensor({0.0F, 2.0F, 0.0F});
  const auto walk = slerp(from, to, 5);
  EXPECT_TRUE(torch::allclose(walk[0], from));
  EXPECT_TRUE(torch::allclose(walk[4], to, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(walk.norm(2, 1), torch::full({5}, 2.0)));
  EXPECT_TRUE(torch::allclose(walk[2], torch::tensor({1.41421356F, 1.41421356F, 0.0F})));
}

TEST(Slerp, BetweenEqualLatentsStaysThere) {
  const auto z = torch::tensor({1.0F, 2.0F});
  EXPECT_TRUE(torch::allclose(slerp(z, z, 3), z.expand({3, 2})));
}

}  // namespace
}  // namespace dcgan
