#include <gtest/gtest.h>

#include <cstring>
#include <vector>

#include "device/pretended_device.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

using testing::device_counts;
using testing::pretended_device;
using testing::reset_device_counts;

TEST(PretendedDevice, ComputesAsTheCpuDoes) {
  const torch::Tensor x = torch::arange(6, torch::kFloat32).view({2, 3});
  const torch::Tensor there = x.to(pretended_device());
  const torch::Tensor y = (there.t().matmul(there) + 1).slice(0, 1).sum(0);
  EXPECT_EQ(y.device(), pretended_device());
  EXPECT_TRUE(torch::equal(y.cpu(), (x.t().matmul(x) + 1).slice(0, 1).sum(0)));
}

TEST(PretendedDevice, WritesListsInPlace) {
  const std::vector<torch::Tensor> tensors{torch::ones({2}, pretended_device()),
                                           torch::ones({3}, pretended_device())};
  torch::_foreach_add_(tensors, 2);
  EXPECT_EQ(tensors[1].sum().item<float>(), 9);
}

TEST(PretendedDeviceDeathTest, ClosesItsMemoryToTheHost) {
  const torch::Tensor there = torch::ones({2}, pretended_device());
  EXPECT_DEATH(std::memset(there.data_ptr(), 0, 4), "");
}

TEST(PretendedDevice, CountsWhatAStreamIsWaitedFor) {
  torch::Tensor host = torch::ones({2});
  reset_device_counts();
  const torch::Tensor there = host.to(pretended_device(), /*non_blocking=*/true);
  const torch::Tensor sum = there.sum();
  EXPECT_EQ(device_counts().synchronisations, 0);
  EXPECT_EQ(device_counts().to_device, 1);
  EXPECT_EQ(sum.item<float>(), 2);
  EXPECT_EQ(device_counts().synchronisations, 1);
  EXPECT_EQ(device_counts().to_host, 1);
}

TEST(PretendedDevice, SeesAHostBufferThatIsUsedAgainTooEarly) {
  torch::Tensor host = torch::ones({2});
  reset_device_counts();
  torch::Tensor there = host.to(pretended_device(), /*non_blocking=*/true);
  host.add_(1);
  EXPECT_EQ(device_counts().overwritten_sources, 1);
  there.copy_(host, /*non_blocking=*/true);
  there.sum().item<float>();
  host.add_(1);
  EXPECT_EQ(device_counts().overwritten_sources, 1);
}

}  // namespace
}  // namespace dcgan
