// What we write, opened in a Python with torch and none of our code.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include "base/file.h"
#include "dcgan/sampler.h"
#include "generate/generator_file.h"
#include "runtime/random.h"
#include "support/run_program.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "training/checkpoint.h"

namespace dcgan {
namespace {

using testing::ProgramResult;
using testing::run_program;
using testing::small_config;
using testing::small_trained_state;
using testing::TempFolder;

class Python : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string(DCGAN_PYTHON).empty()) GTEST_SKIP() << "no Python with torch was found";
    save_generator(folder_ / "g.pt", state_.generator, config_, state_.step);
  }
  ProgramResult python(const std::string& code) const {
    return run_program({"-c", "import torch\n" + code},
                       {.folder = folder_.path(), .program = DCGAN_PYTHON});
  }

  TempFolder folder_;
  Config config_ = small_config();
  TrainState state_ = small_trained_state(config_);
};

TEST_F(Python, OpensTheGenerator) {
  const ProgramResult result = python(
      "g = torch.jit.load('g.pt')\n"
      "images = g(torch.randn(64, g.latent_dim))\n"
      "print(g.latent_dim, g.step, list(images.shape), bool(images.min() >= -1), "
      "bool(images.max() <= 1))\n");
  EXPECT_EQ(result.out, fmt::format("3 {} [64, 1, 8, 8] True True\n", state_.step)) << result.err;
}

TEST_F(Python, SeesAModuleInEvalModeWithTrainableParameters) {
  const ProgramResult result = python(
      "g = torch.jit.load('g.pt')\n"
      "print(g.training, all(p.requires_grad for p in g.parameters()))\n"
      "g(torch.randn(2, 3)).sum().backward()\n"
      "torch.jit.freeze(g)\n");
  EXPECT_EQ(result.out, "False True\n") << result.err;
  EXPECT_EQ(result.exit_code, 0) << result.err;
}

TEST_F(Python, ImageDoesNotDependOnItsBatchMates) {
  const ProgramResult result = python(
      "g = torch.jit.load('g.pt').train()\n"
      "z = torch.randn(64, 3)\n"
      "print(bool((g(z)[:3] - g(z[:3])).abs().max() < 1e-5))\n");
  EXPECT_EQ(result.out, "True\n") << result.err;
}

TEST_F(Python, MakesTheImagesThatSampleMakes) {
  const torch::Tensor latents = normal_rows(1, Purpose::sample_latents, 0, 16, 3);
  torch::jit::Module holder("Latents");
  holder.register_buffer("z", latents);
  holder.save((folder_ / "latents.pt").string());
  const ProgramResult result = python(
      "z = torch.jit.load('latents.pt').z\n"
      "images = torch.jit.load('g.pt')(z)\n"
      "data = ((images + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)\n"
      "open('images.bin', 'wb').write(bytes(data.flatten().tolist()))\n");
  ASSERT_EQ(result.exit_code, 0) << result.err;
  const std::string theirs = read_file(folder_ / "images.bin");
  const Sampler sampler = Sampler::open(folder_ / "g.pt", torch::kCPU, {});
  const torch::Tensor ours = sampler.generate(latents);
  ASSERT_EQ(static_cast<std::int64_t>(theirs.size()), ours.numel());
  for (std::int64_t i = 0; i < ours.numel(); ++i) {
    const int there = static_cast<std::uint8_t>(theirs[static_cast<std::size_t>(i)]);
    ASSERT_LE(std::abs(there - ours.data_ptr<std::uint8_t>()[i]), 1) << i;  // a rounding edge
  }
}

TEST_F(Python, OpensACheckpoint) {
  save_checkpoint(folder_ / "000003.pt", state_, config_, "");
  const ProgramResult result = python(
      "state = torch.jit.load('000003.pt').state_dict()\n"
      "print(list(state['generator.layer1.weight'].shape), len(state))\n");
  const std::size_t tensors =
      named_tensors(state_.generator).size() + named_tensors(state_.discriminator).size() +
      2 * (parameters(state_.generator).size() + parameters(state_.discriminator).size());
  EXPECT_EQ(result.out, "[3, 4, 2, 2] " + std::to_string(tensors) + "\n") << result.err;
}

}  // namespace
}  // namespace dcgan
