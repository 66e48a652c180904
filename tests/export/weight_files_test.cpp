// Exported weights, opened by the programs that they are for.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "export/export.h"
#include "generate/generator_file.h"
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

/// The form of PyTorch's DCGAN example, examples/dcgan/main.py.
constexpr const char* kExample = R"(
import torch
import torch.nn as nn
nz, ngf, ndf, nc = 3, 2, 2, 1
class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        def layer(a, b, stride, padding):
            return nn.ConvTranspose2d(a, b, 4, stride, padding, bias=False)
        self.main = nn.Sequential(
            layer(nz, ngf * 8, 1, 0), nn.BatchNorm2d(ngf * 8), nn.ReLU(True),
            layer(ngf * 8, ngf * 4, 2, 1), nn.BatchNorm2d(ngf * 4), nn.ReLU(True),
            layer(ngf * 4, ngf * 2, 2, 1), nn.BatchNorm2d(ngf * 2), nn.ReLU(True),
            layer(ngf * 2, ngf, 2, 1), nn.BatchNorm2d(ngf), nn.ReLU(True),
            layer(ngf, nc, 2, 1), nn.Tanh())
    def forward(self, input):
        return self.main(input)
class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        def layer(a, b, stride, padding):
            return nn.Conv2d(a, b, 4, stride, padding, bias=False)
        self.main = nn.Sequential(
            layer(nc, ndf, 2, 1), nn.LeakyReLU(0.2, inplace=True),
            layer(ndf, ndf * 2, 2, 1), nn.BatchNorm2d(ndf * 2), nn.LeakyReLU(0.2, inplace=True),
            layer(ndf * 2, ndf * 4, 2, 1), nn.BatchNorm2d(ndf * 4), nn.LeakyReLU(0.2, inplace=True),
            layer(ndf * 4, ndf * 8, 2, 1), nn.BatchNorm2d(ndf * 8), nn.LeakyReLU(0.2, inplace=True),
            layer(ndf * 8, 1, 1, 0), nn.Sigmoid())
    def forward(self, input):
        return self.main(input).view(-1, 1).squeeze(1)
def load(file):
    return torch.load(file, weights_only=True)
)";

class WeightFile : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::string(DCGAN_PYTHON).empty()) GTEST_SKIP() << "no Python with torch was found";
  }
  /// c.pt and g.pt.
  void save(const Config& config) const {
    const TrainState state = small_trained_state(config, 2);
    save_checkpoint(folder_ / "c.pt", state, config, "");
    save_generator(folder_ / "g.pt", state.generator, config, state.step);
  }
  static Config example_config() {
    Config config = small_config();
    config.data.image_size = {64, 64};
    return config;
  }
  ProgramResult python(const std::string& code, const std::string& program = DCGAN_PYTHON) const {
    return run_program({"-c", code}, {.folder = folder_.path(), .program = program});
  }

  TempFolder folder_;
};

TEST_F(WeightFile, PthLoadsStrictlyIntoTheGeneratorOfPyTorchsExample) {
  save(example_config());
  export_network(folder_ / "g.pt", folder_ / "g.pth", {});
  const ProgramResult result = python(std::string(kExample) + R"(
netG = Generator()
print(netG.load_state_dict(load('g.pth'), strict=True))
z = torch.randn(4, nz, 1, 1)
print(bool((netG.eval()(z) - torch.jit.load('g.pt')(z)).abs().max() < 1e-5))
print(int(netG.main[1].num_batches_tracked))
)");
  EXPECT_EQ(result.out, "<All keys matched successfully>\nTrue\n2\n") << result.err;
}

TEST_F(WeightFile, PthLoadsStrictlyIntoTheDiscriminatorOfPyTorchsExample) {
  save(example_config());
  export_network(folder_ / "c.pt", folder_ / "d.pth", {.discriminator = true});
  const ProgramResult result = python(std::string(kExample) + R"(
netD = Discriminator()
print(netD.load_state_dict(load('d.pth'), strict=True))
state = torch.jit.load('c.pt').state_dict()
print(torch.equal(netD.main[11].weight, state['discriminator.layer5.weight']))
print(torch.equal(netD.main[3].running_var, state['discriminator.layer2.norm.running_var']))
)");
  EXPECT_EQ(result.out, "<All keys matched successfully>\nTrue\nTrue\n") << result.err;
}

/// PyTorch's example has none of these.
TEST_F(WeightFile, PthHasOurNamesWhereTheNetworkHasAnotherForm) {
  const auto changed = [](auto change) {
    Config config = example_config();
    change(config);
    return config;
  };
  const Config others[] = {
      small_config(),
      changed([](Config& config) { config.output = OutputRange::sigmoid; }),
      changed([](Config& config) { config.generator.activation = Activation::elu; }),
      changed([](Config& config) { config.generator.norm = Norm::none; }),
      changed([](Config& config) { config.generator.norm = Norm::batch_all; }),
      changed([](Config& config) { config.generator.norm = Norm::spectral; }),
      changed([](Config& config) { config.model.upsampling = Upsampling::nearest; }),
      changed([](Config& config) { config.generator.extra_layers = 1; }),
      changed([](Config& config) { config.model.latent_modes = 2; }),
      changed([](Config& config) { config.model.max_channels = 8; }),
      changed([](Config& config) {
        config.data.image_size = {64, 128};
      }),
      changed([](Config& config) { config.model.kind = ModelKind::dense; })};
  int i = 0;
  for (const Config& config : others) {
    const TrainState state = make_train_state(config, torch::kCPU, testing::kSmallRun);
    save_generator(folder_ / "g.pt", state.generator, config, 0);
    export_network(folder_ / "g.pt", folder_ / fmt::format("{}.pth", i++), {});
  }
  const ProgramResult result = python(fmt::format(
      "import torch\n"
      "print([i for i in range({}) if 'layer1.weight' not in torch.load(f'{{i}}.pth')])\n",
      i));
  EXPECT_EQ(result.out, "[]\n") << result.err;
}

TEST_F(WeightFile, PthHoldsTheTensorsOfTheGenerator) {
  save(small_config());
  export_network(folder_ / "g.pt", folder_ / "g.pth", {});
  const ProgramResult result = python(
      "import torch\n"
      "ours, theirs = torch.jit.load('g.pt').state_dict(), torch.load('g.pth')\n"
      "print(sorted(ours) == sorted(theirs), all(torch.equal(ours[k], theirs[k]) for k in "
      "ours))\n");
  EXPECT_EQ(result.out, "True True\n") << result.err;
}

TEST_F(WeightFile, NpzIsReadByNumPy) {
  save(small_config());
  export_network(folder_ / "g.pt", folder_ / "g.npz", {});
  const ProgramResult result = python(
      "import numpy, torch, zipfile\n"
      "state, arrays = torch.jit.load('g.pt').state_dict(), numpy.load('g.npz')\n"
      "print(sorted(state) == sorted(arrays.files))\n"
      "print(all(arrays[k].dtype == numpy.float32 for k in state))\n"
      "print(all(numpy.array_equal(arrays[k], state[k].numpy()) for k in state))\n"
      "print(zipfile.ZipFile('g.npz').testzip())\n");
  EXPECT_EQ(result.out, "True\nTrue\nTrue\nNone\n") << result.err;
}

TEST_F(WeightFile, HasTheSameBytesEachTime) {
  save(small_config());
  for (const std::string ending : {".npz", ".pth", ".safetensors"}) {
    export_network(folder_ / "g.pt", folder_ / ("a" + ending), {});
    export_network(folder_ / "g.pt", folder_ / ("b" + ending), {});
    EXPECT_EQ(read_file(folder_ / ("a" + ending)), read_file(folder_ / ("b" + ending))) << ending;
  }
}

TEST_F(WeightFile, SafetensorsIsReadByItsPackage) {
  if (!std::filesystem::exists(DCGAN_TEST_PYTHON)) {
    GTEST_SKIP() << "scripts/test_packages.sh installs the safetensors package";
  }
  save(small_config());
  export_network(folder_ / "g.pt", folder_ / "g.safetensors", {});
  export_network(folder_ / "g.pt", folder_ / "g.npz", {});
  const ProgramResult result = python(
      "import json, numpy\n"
      "from safetensors import safe_open\n"
      "file, arrays = safe_open('g.safetensors', framework='numpy'), numpy.load('g.npz')\n"
      "print(sorted(file.keys()) == sorted(arrays.files))\n"
      "print(all(numpy.array_equal(file.get_tensor(k), arrays[k]) for k in arrays.files))\n"
      "said = file.metadata()\n"
      "print(said['network'], said['step'], json.loads(said['config'])['model.latent_dim'])\n",
      DCGAN_TEST_PYTHON);
  EXPECT_EQ(result.out, "True\nTrue\ngenerator 2 3\n") << result.err;
}

/// PyTorch's module and the g.pt that import makes of its state_dict must draw the same.
TEST_F(WeightFile, OfPyTorchsExampleBecomesAGeneratorOfTheSameImages) {
  const ProgramResult made = python(std::string(kExample) + R"(
torch.manual_seed(1)
for nc, name in ((1, 'grey'), (3, 'rgb')):
    netG = Generator()
    for _ in range(3):  # running statistics
        netG(torch.randn(8, nz, 1, 1))
    torch.save(netG.state_dict(), name + '.pth')
    torch.save(nn.DataParallel(netG).state_dict(), name + '_parallel.pth')
    torch.save(netG.half().state_dict(), name + '_half.pth')
)");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  for (const std::string channels : {"grey", "rgb"}) {
    for (const std::string kind : {"", "_parallel", "_half"}) {
      const std::string name = channels + kind;
      const ProgramResult imported = run_program(
          {"import", "--from", name + ".pth", "--to", name + ".pt"}, {.folder = folder_.path()});
      EXPECT_EQ(imported.exit_code, 0) << imported.err;
    }
  }
  const ProgramResult sampled =
      run_program({"sample", "--ckpt", "rgb.pt", "-n", "2"}, {.folder = folder_.path()});
  EXPECT_EQ(sampled.exit_code, 0) << sampled.err;
  const ProgramResult result = python(std::string(kExample) + R"(
z = torch.randn(4, nz, 1, 1)
for nc, name in ((1, 'grey'), (3, 'rgb')):
    for kind in '', '_parallel', '_half':
        netG = Generator()
        netG.load_state_dict({k.replace('module.', ''): v for k, v in load(name + kind + '.pth').items()})
        images = torch.jit.load(name + kind + '.pt')(z)
        print(bool((netG.eval()(z) - images).abs().max() < 1e-5))
)");
  EXPECT_EQ(result.out, "True\nTrue\nTrue\nTrue\nTrue\nTrue\n") << result.err;
}

TEST_F(WeightFile, WithForeignCodeRunsNone) {
  const ProgramResult made = python(
      "import os, torch\n"
      "class Code:\n"
      "    def __reduce__(self):\n"
      "        return os.system, ('touch executed',)\n"
      "torch.save({'main.0.weight': Code()}, 'code.pth')\n"
      "torch.save(torch.nn.Linear(2, 2), 'module.pth')\n"
      "torch.save({'netG': torch.nn.Linear(2, 2).state_dict()}, 'nested.pth')\n"
      "torch.save({'a': torch.ones(2)}, 'old.pth', _use_new_zipfile_serialization=False)\n"
      "torch.save({'main.0.weight': torch.ones(2, dtype=torch.int32)}, 'integers.pth')\n");
  ASSERT_EQ(made.exit_code, 0) << made.err;
  const auto error = [&](const std::string& name) {
    return run_program({"import", "--from", name, "--to", "g.pt"}, {.folder = folder_.path()}).err;
  };
  const std::string remedy =
      "; save the generator's weights alone: torch.save(netG.state_dict(), \"netG.pth\")\n";
  EXPECT_EQ(error("code.pth"),
            "dcgan: code.pth: its pickle holds more than tensors: posix.system" + remedy);
  EXPECT_FALSE(std::filesystem::exists(folder_ / "executed"));
  EXPECT_EQ(
      error("module.pth"),
      "dcgan: module.pth: its pickle holds more than tensors: torch.nn.modules.linear.Linear" +
          remedy);
  EXPECT_EQ(error("nested.pth"),
            "dcgan: nested.pth: not a state_dict: its 'netG' is no tensor" + remedy);
  EXPECT_EQ(
      error("old.pth"),
      "dcgan: old.pth: a .pth in the format of PyTorch before 1.6; torch.save(torch.load(FILE)"
      ", FILE) in a newer one writes today's\n");
  EXPECT_EQ(error("integers.pth"),
            "dcgan: integers.pth: tensor 'main.0.weight' is of type IntStorage; import reads "
            "float32, float16, bfloat16 and float64\n");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "g.pt"));
}

}  // namespace
}  // namespace dcgan
