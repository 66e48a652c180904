#include "runtime/cuda_driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

namespace dcgan {
namespace {

constexpr int kRuntime = 13020;

/// Of a driver that answers so. CUDA_VISIBLE_DEVICES is `visible` where that is not nullptr.
std::optional<GpuObstacle> obstacle(int version, int init, int devices,
                                    const char* visible = nullptr) {
  setenv("STUB_VERSION", std::to_string(version).c_str(), 1);
  setenv("STUB_INIT", std::to_string(init).c_str(), 1);
  setenv("STUB_DEVICES", std::to_string(devices).c_str(), 1);
  unsetenv("CUDA_VISIBLE_DEVICES");
  if (visible != nullptr) setenv("CUDA_VISIBLE_DEVICES", visible, 1);
  const std::optional<GpuObstacle> found = find_gpu_obstacle(kRuntime, DCGAN_DRIVER_STUB);
  unsetenv("CUDA_VISIBLE_DEVICES");
  return found;
}

TEST(GpuObstacle, IsNoneOfADriverAsNewAsLibTorch) {
  EXPECT_FALSE(obstacle(13020, 0, 1));
  EXPECT_FALSE(obstacle(13000, 0, 8));
  EXPECT_FALSE(obstacle(14000, 0, 1));
}

TEST(GpuObstacle, IsNamed) {
  using ::testing::HasSubstr;
  EXPECT_THAT(obstacle(12080, 0, 1).value().problem, HasSubstr("for CUDA 12.8, this LibTorch is "
                                                               "for CUDA 13.2"));
  EXPECT_THAT(obstacle(12080, 0, 1).value().remedy, HasSubstr("update the driver"));
  EXPECT_THAT(obstacle(13020, 100, 0).value().problem, HasSubstr("no NVIDIA GPU"));
  EXPECT_THAT(obstacle(13020, 0, 0).value().problem, HasSubstr("no NVIDIA GPU"));
  EXPECT_THAT(obstacle(13020, 100, 0, "").value().problem, HasSubstr("CUDA_VISIBLE_DEVICES=''"));
  EXPECT_THAT(obstacle(13020, 100, 0, "7").value().remedy, HasSubstr("unset CUDA_VISIBLE_DEVICES"));
  EXPECT_THAT(obstacle(13020, 803, 0).value().remedy, HasSubstr("restart"));
  EXPECT_THAT(obstacle(13020, 999, 0).value().problem, HasSubstr("CUDA error 999"));
  EXPECT_THAT(find_gpu_obstacle(kRuntime, "no-such-driver.so").value().problem,
              HasSubstr("no NVIDIA driver"));
}

}  // namespace
}  // namespace dcgan
