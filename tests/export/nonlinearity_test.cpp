// Each row of the table of nonlinearities, in each language that it has.
#include "model/nonlinearity.h"

#include <gtest/gtest.h>
#include <torch/script.h>

#include "base/file.h"
#include "export/writers.h"
#include "model/forward.h"
#include "model/script.h"
#include "support/run_program.h"
#include "support/save_npy.h"
#include "support/temp_folder.h"
#include "support/test_packages.h"

namespace dcgan {
namespace {

using testing::save_npy;
using testing::TempFolder;

constexpr std::int64_t kWidth = 8;

/// Of one linear layer that changes nothing, and the nonlinearity.
Network network_of(Nonlinearity nonlinearity) {
  LayerPlan layer = linear_plan({kWidth, 1, 1}, kWidth);
  layer.name = "layer1";
  layer.nonlinearity = nonlinearity;
  layer.slope = 0.3;
  Network network = make_network({"generator", {layer}}, torch::kCPU);
  set_requires_grad(network, false);
  network.layers[0].weight.copy_(torch::eye(kWidth));
  return network;
}

class NonlinearityForms : public ::testing::Test {
 protected:
  static constexpr auto kCount = static_cast<int>(kNonlinearityForms.size());

  /// As images: a generator's sigmoid is scaled to [-1, 1].
  torch::Tensor expected(Nonlinearity nonlinearity) const {
    const torch::Tensor y = forward(network_of(nonlinearity), x_, Mode::eval);
    return (nonlinearity == Nonlinearity::sigmoid ? y * 2.0 - 1.0 : y).view({-1, kWidth, 1, 1});
  }

  torch::Tensor x_ = torch::linspace(-12.0, 12.0, 25 * kWidth).view({25, kWidth});
};

TEST_F(NonlinearityForms, EachIsRightInTorchScript) {
  for (int row = 0; row < kCount; ++row) {
    const auto nonlinearity = static_cast<Nonlinearity>(row);
    const Network network = network_of(nonlinearity);
    torch::jit::Module layer("Layer");
    layer.register_parameter("weight", network.layers[0].weight, /*is_buffer=*/false);
    torch::jit::Module module("Module");
    module.register_module("layer1", layer);
    module.define(torchscript_forward(plan_of(network)));
    EXPECT_TRUE(
        torch::allclose(module.forward({x_}).toTensor(), expected(nonlinearity), 1e-5, 1e-6))
        << forms_of(nonlinearity).name;
  }
}

TEST_F(NonlinearityForms, EachIsRightInOnnx) {
  SKIP_WITHOUT_PACKAGES("onnx onnxruntime");
  const TempFolder folder;
  for (int row = 0; row < kCount; ++row) {
    const auto nonlinearity = static_cast<Nonlinearity>(row);
    ExportedNetwork exported;
    exported.plan = plan_of(network_of(nonlinearity));
    const torch::Tensor weight = torch::eye(kWidth);
    const auto* first = weight.data_ptr<float>();
    exported.arrays = {{"layer1.weight", {kWidth, kWidth}, {first, first + weight.numel()}}};
    const std::string name = forms_of(nonlinearity).name;
    write_file_atomically(folder / (name + ".onnx"), to_onnx(exported), Flush::no);
    save_npy(folder / (name + ".z.npy"), x_);
    save_npy(folder / (name + ".images.npy"), expected(nonlinearity));
  }
  const auto result = testing::run_program(
      {std::string(DCGAN_SOURCE_DIR) + "/tests/export/check_onnx.py", folder.path().string()},
      {.program = DCGAN_TEST_PYTHON});
  EXPECT_EQ(result.out, std::to_string(kCount) + " files\n") << result.err;
}

}  // namespace
}  // namespace dcgan
