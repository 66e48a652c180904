#include "model/script.h"

#include <gtest/gtest.h>

namespace dcgan {
namespace {

TEST(Script, ReadsLikeTheNetwork) {
  Config config;
  config.data.image_size = {8, 8};
  config.model.latent_dim = 3;
  config.model.base_channels = 2;
  EXPECT_EQ(torchscript_forward(plan_generator(config)),
            "def forward(self, z):\n"
            "    x = z.reshape([z.size(0), 3, 1, 1])\n"
            "    x = torch.conv_transpose2d(x, self.layer1.weight, None, [1, 1], [0, 0])\n"
            "    x = torch.batch_norm(x, self.layer1.norm.weight, self.layer1.norm.bias, "
            "self.layer1.norm.running_mean, self.layer1.norm.running_var, False, 0.1, 0.00001, "
            "True)\n"
            "    x = torch.relu(x)\n"
            "    x = torch.conv_transpose2d(x, self.layer2.weight, None, [2, 2], [1, 1])\n"
            "    x = torch.batch_norm(x, self.layer2.norm.weight, self.layer2.norm.bias, "
            "self.layer2.norm.running_mean, self.layer2.norm.running_var, False, 0.1, 0.00001, "
            "True)\n"
            "    x = torch.relu(x)\n"
            "    x = torch.conv_transpose2d(x, self.layer3.weight, None, [2, 2], [1, 1])\n"
            "    x = torch.tanh(x)\n"
            "    return x.reshape([x.size(0), 1, 8, 8])\n");
}

TEST(Script, ChoosesAMode) {
  Config config;
  config.model.latent_dim = 5;
  config.model.latent_modes = 4;
  const std::string source = torchscript_forward(plan_generator(config));
  EXPECT_TRUE(
      source.starts_with("def forward(self, z):\n"
                         "    z = z.reshape([z.size(0), 5])\n"
                         "    chosen = torch.one_hot(torch.argmax(z[:, :4], 1), 4).to(z.dtype) * "
                         "2.0\n"
                         "    z = torch.cat([chosen, z[:, 4:]], 1)\n"
                         "    x = z.reshape([z.size(0), 5, 1, 1])\n"))
      << source;
}

TEST(Script, ChoosesAModeWithTheBiasOfItsClass) {
  Config config;
  config.model.latent_dim = 5;
  config.model.latent_modes = 4;
  config.model.classes = 2;
  const std::string source = torchscript_forward(plan_generator(config));
  EXPECT_NE(source.find("torch.argmax(z[:, :4] + self.layer1.mode_bias, 1)"), std::string::npos)
      << source;
}

TEST(Script, FlattensAnImageForALinearLayer) {
  LayerPlan linear;
  linear.name = "layer1";
  linear.kind = LayerKind::linear;
  linear.input = {2, 3, 3};
  linear.output = {4, 1, 1};
  linear.bias = true;
  EXPECT_EQ(torchscript_layers({"body", {linear}}),
            "    x = torch.flatten(x, 1)\n"
            "    x = torch.linear(x, self.layer1.weight, self.layer1.bias)\n");
}

}  // namespace
}  // namespace dcgan
