// ONNX files in onnx.checker and ONNX Runtime, against our own forward pass.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "base/file.h"
#include "dcgan/sampler.h"
#include "export/export.h"
#include "export/writers.h"
#include "generate/generator_file.h"
#include "model/forward.h"
#include "model/modes.h"
#include "support/expect_error.h"
#include "support/run_program.h"
#include "support/save_npy.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "support/tensors.h"
#include "support/test_packages.h"
#include "training/checkpoint.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::noise;
using testing::ProgramResult;
using testing::run_program;
using testing::save_npy;
using testing::small_config;
using testing::TempFolder;

constexpr std::int64_t kImages = 5;

/// Weights with which every layer matters: images and logits are neither all alike nor saturated.
void fill(Network& network, double gain, std::int64_t seed) {
  const torch::NoGradGuard no_grad;
  for (const auto& [name, tensor] : named_tensors(network)) {
    torch::Tensor numbers = noise(tensor.sizes(), ++seed);
    if (tensor.dim() > 1) {
      numbers = numbers * std::sqrt(gain * static_cast<double>(tensor.size(0)) /
                                    static_cast<double>(tensor.numel()));
    } else if (name.ends_with("running_var")) {
      numbers = numbers.square() + 0.5;
    } else {
      numbers = numbers * 0.3 + (name.ends_with("norm.weight") ? 1.0 : 0.0);
    }
    torch::Tensor(tensor).copy_(numbers);
  }
}

struct OnnxCase {
  std::string name;
  Config config;
};

/// Every kind and size with every choice of latents, BatchNorm, output and activation, if not with
/// each of the others at once.
std::vector<OnnxCase> onnx_cases() {
  const std::vector<std::pair<Extent, std::int64_t>> shapes{
      {{28, 28}, 1}, {{64, 64}, 3}, {{9, 17}, 3}, {{31, 8}, 1}};
  std::vector<OnnxCase> cases;
  for (std::size_t latents = 0; latents < 3; ++latents) {
    for (const bool with_norm : {true, false}) {
      const std::size_t round = 2 * latents + (with_norm ? 0 : 1);
      for (std::size_t structure = 0; structure < 12; ++structure) {
        Config config;
        std::tie(config.data.image_size, config.data.channels) = shapes[structure % 4];
        config.model.kind = structure < 8 ? ModelKind::dcgan : ModelKind::dense;
        config.model.base_channels = 3;
        config.model.downsampling = static_cast<Downsampling>((structure + round) % 3);
        config.model.upsampling = static_cast<Upsampling>((structure / 2 + round) % 3);
        config.model.dense_widths = {7, 11};
        config.model.latent_dim = 6 + static_cast<std::int64_t>(latents);
        config.model.latent_modes = std::array{0, 7, 6}.at(latents);  // 7: all latents
        config.model.classes = latents == 2 ? 3 : 0;
        config.output =
            (structure / 6 + latents) % 2 == 0 ? OutputRange::tanh : OutputRange::sigmoid;
        for (NetworkConfig* network : {&config.generator, &config.discriminator}) {
          const std::size_t other = network == &config.generator ? 0 : 3;
          network->activation = static_cast<Activation>((structure + round + other) % 6);
          network->slope = 0.1 + 0.15 * static_cast<double>(round);
          const bool dense = config.model.kind == ModelKind::dense;
          network->norm = !with_norm           ? (structure % 3 == 0 ? Norm::spectral : Norm::none)
                          : structure % 4 == 0 ? Norm::batch
                          : structure % 4 == 1 ? Norm::layer
                          : structure % 4 == 2 ? Norm::batch_all
                          : dense              ? Norm::layer
                                               : Norm::instance;
          network->extra_layers = structure / 4 == 1 ? 2 : 0;
        }
        cases.push_back({fmt::format("{:02}", cases.size()), config});
      }
    }
  }
  return cases;
}

class Onnx : public ::testing::Test {
 protected:
  ProgramResult python(const std::vector<std::string>& arguments) const {
    return run_program(arguments, {.folder = folder_.path(), .program = DCGAN_TEST_PYTHON});
  }

  /// As export_network(), without waiting for the disk.
  void write(const fs::path& file, const ExportOptions& options) const {
    write_file_atomically(file, to_onnx(read_exported_network(folder_ / "c.pt", options)),
                          Flush::no);
  }

  /// NAME-g.onnx, NAME-b.onnx (bytes) and NAME-d.onnx with what goes in and must come out.
  void write_case(const std::string& name, const Config& config) const {
    const torch::NoGradGuard no_grad;
    TrainState state = make_train_state(config, torch::kCPU, testing::kSmallRun);
    fill(state.generator, 3.0, 10);
    fill(state.discriminator, 2.0, 90);
    save_checkpoint(folder_ / "c.pt", state, config, "");
    const std::int64_t classes = config.model.classes;
    const torch::Tensor z = noise({kImages, config.model.latent_dim}, 5);
    const torch::Tensor wanted = torch::arange(kImages).remainder(classes + 1) - 1;  // -1: any
    torch::Tensor chosen = z;
    if (classes > 0) {
      chosen = torch::where(wanted.unsqueeze(1).lt(0), z,
                            choose_classes(z, config.model.latent_modes, classes, wanted));
    }
    torch::Tensor images = forward(state.generator, chosen, Mode::eval);
    if (config.output == OutputRange::sigmoid) images = images * 2.0 - 1.0;
    EXPECT_GT(images.std(0).mean().item<double>(), 0.001) << name;  // they differ, far above 1e-5
    for (const bool uint8 : {false, true}) {
      const fs::path stem = folder_ / (name + (uint8 ? "-b" : "-g"));
      write(stem.string() + ".onnx", {.uint8 = uint8});
      save_npy(stem.string() + ".z.npy", z);
      if (classes > 0) save_npy(stem.string() + ".class.npy", wanted);
      save_npy(stem.string() + ".images.npy",
               uint8 ? to_bytes(images).permute({0, 2, 3, 1}) : images);
    }
    const std::string stem = (folder_ / (name + "-d")).string();
    write(stem + ".onnx", {.discriminator = true});
    const torch::Tensor real = noise(images.sizes(), 6).tanh();
    const torch::Tensor labels =
        torch::arange(kImages).remainder(std::max<std::int64_t>(classes, 1));
    save_npy(stem + ".images.npy", real);
    ForwardOptions options;
    if (classes > 0) {
      options.classes = labels;
      save_npy(stem + ".class.npy", labels);
    }
    const torch::Tensor logits = forward(state.discriminator, real, Mode::eval, options);
    EXPECT_GT(logits.std().item<double>(), 0.001) << name;
    save_npy(stem + ".logits.npy", logits);
  }

  void write_generator(const std::string& name, const Config& config,
                       const std::vector<std::string>& classes) const {
    const TrainState state = make_train_state(config, torch::kCPU, testing::kSmallRun);
    save_generator(folder_ / "g.pt", state.generator, config, 3, classes);
    export_network(folder_ / "g.pt", folder_ / name, {});
  }

  static Config with_classes(std::int64_t classes) {
    Config config = small_config();
    config.model.latent_dim = classes + 3;
    config.model.latent_modes = classes;
    config.model.classes = classes;
    return config;
  }

  TempFolder folder_;
};

TEST_F(Onnx, RuntimeMakesWhatOurForwardMakes) {
  SKIP_WITHOUT_PACKAGES("onnx onnxruntime");
  const std::vector<OnnxCase> cases = onnx_cases();
  for (const OnnxCase& one : cases) write_case(one.name, one.config);
  const ProgramResult result = python(
      {std::string(DCGAN_SOURCE_DIR) + "/tests/export/check_onnx.py", folder_.path().string()});
  EXPECT_EQ(result.out, fmt::format("{} files\n", 3 * cases.size())) << result.err;
}

TEST_F(Onnx, SaysWhatItIs) {
  SKIP_WITHOUT_PACKAGES("onnx");
  write_generator("g.onnx", with_classes(2), {"cat", "<b>\"dog\"</b>"});
  const ProgramResult result = python(
      {"-c",
       "import json, onnx\n"
       "m = onnx.load('g.onnx')\n"
       "print(m.producer_name, m.ir_version, [o.version for o in m.opset_import], m.graph.name)\n"
       "about = {p.key: p.value for p in m.metadata_props}\n"
       "print(about['network'], about['step'], json.loads(about['config'])['model.latent_dim'])\n"
       "print(json.loads(about['classes']))\n"});
  EXPECT_EQ(result.out,
            "dcgan 8 [17] generator\n"
            "generator 3 5\n"
            "['cat', '<b>\"dog\"</b>']\n")
      << result.err;
}

TEST_F(Onnx, RefusesAClassThatThereIsNot) {
  SKIP_WITHOUT_PACKAGES("onnxruntime");
  write_generator("g.onnx", with_classes(2), {});
  const ProgramResult result =
      python({"-c",
              "import numpy, onnxruntime\n"
              "g = onnxruntime.InferenceSession('g.onnx')\n"
              "g.run(None, {'z': numpy.zeros((1, 5), 'float32'), 'class': [2]})\n"});
  EXPECT_EQ(result.exit_code, 1);
  EXPECT_THAT(result.err, HasSubstr("out of data bounds"));
}

TEST_F(Onnx, ExampleOfTheDocumentationRuns) {
  SKIP_WITHOUT_PACKAGES("onnxruntime");
  const std::string text = read_file(fs::path(DCGAN_SOURCE_DIR) / "docs/export.md");
  const std::string fence = "```python\nimport numpy, onnxruntime";
  const std::size_t first = text.find(fence);
  ASSERT_NE(first, std::string::npos);
  const std::string code = text.substr(first + 10, text.find("\n```", first) - first - 10);
  write_generator("mnist.onnx", with_classes(10), {});
  const ProgramResult result = python({"-c", code + "\nprint(images.shape)"});
  EXPECT_EQ(result.out, "(64, 1, 8, 8)\n") << result.err;
}

TEST_F(Onnx, RefusesMoreThanTheFormatHolds) {
  Config config = small_config();
  config.model.kind = ModelKind::dense;
  config.model.dense_widths = {65536, 8192};
  ExportedNetwork network;
  network.plan = plan_generator(config);
  EXPECT_THAT(caught([&] { to_onnx(network); }),
              IsError(ErrorKind::failure, "", HasSubstr("are 2.0 GiB"), HasSubstr(".safetensors")));
}

}  // namespace
}  // namespace dcgan
