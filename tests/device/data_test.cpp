// Batches that are made on the pretended device.
#include <gtest/gtest.h>

#include "data/device_batch_stream.h"
#include "device/pretended_device.h"
#include "runtime/random.h"
#include "support/tensors.h"

namespace dcgan {
namespace {

using testing::device_counts;
using testing::pretended_device;
using testing::reset_device_counts;

Dataset noisy_set(std::int64_t count) {
  Dataset set;
  set.images = torch::arange(count * 3 * 8 * 8)
                   .mul(7919)
                   .remainder(251)
                   .to(torch::kUInt8)
                   .view({count, 3, 8, 8});
  set.labels = torch::arange(count).remainder(10).to(torch::kUInt8);
  set.name = "a set";
  return set;
}

BatchStreamOptions options() {
  BatchStreamOptions made;
  made.seed = 3;
  made.batch_size = 10;
  made.latent_dim = 7;
  made.flip = true;
  return made;
}

TEST(NormalRowsOnADevice, AreTheHosts) {
  for (const std::int64_t first : {0L, 12345L, (1L << 32) - 2}) {
    const torch::Tensor want = normal_rows(9, Purpose::train_latents, first, 2000, 101);
    const torch::Tensor found =
        normal_rows(9, Purpose::train_latents, first, 2000, 101, pretended_device()).cpu();
    ASSERT_EQ(found.sizes(), want.sizes());
    // The host computes one number at a time, the device's operators several by other functions.
    EXPECT_LE(found.ne(want).sum().item<std::int64_t>(), 1);
    EXPECT_LT((found - want).abs().max().item<float>(), 1e-6);
  }
}

struct Case {
  const char* name;
  BatchStreamOptions options;
  std::int64_t first_step;
};

class DeviceBatches : public ::testing::TestWithParam<Case> {};

std::vector<Case> cases() {
  std::vector<Case> all{{"Shuffled", options(), 0},    {"InOrder", options(), 0},
                        {"WithTheRest", options(), 0}, {"SecondPart", options(), 0},
                        {"Later", options(), 17},      {"OfTheSigmoid", options(), 0}};
  all[1].options.shuffle = false;
  all[2].options.drop_last = false;
  all[3].options.part = 1;
  all[3].options.parts = 2;
  all[5].options.range = OutputRange::sigmoid;
  all[5].options.flip = false;
  return all;
}

TEST_P(DeviceBatches, AreTheHosts) {
  const Dataset set = noisy_set(55);
  const auto& [name, wanted, first_step] = GetParam();
  BatchStream host(set, wanted, first_step);
  DeviceBatchStream device(set, wanted, first_step, pretended_device());
  for (int step = 0; step < 14; ++step) {  // more than two epochs
    const Batch want = host.next();
    const Batch found = device.next();
    EXPECT_EQ(found.step, want.step);
    EXPECT_TRUE(torch::equal(found.images.cpu(), want.images)) << step;
    EXPECT_TRUE(torch::equal(found.labels.cpu(), want.labels)) << step;
    EXPECT_TRUE(torch::allclose(found.latents.cpu(), want.latents, 0, 1e-6)) << step;
  }
}

INSTANTIATE_TEST_SUITE_P(, DeviceBatches, ::testing::ValuesIn(cases()),
                         [](const auto& of) { return of.param.name; });

TEST(DeviceBatchStream, CopiesNothingWithinAnEpoch) {
  DeviceBatchStream stream(noisy_set(200), options(), /*first_step=*/0, pretended_device());
  stream.next();
  device_counts();  // waits
  reset_device_counts();
  for (int step = 1; step < 20; ++step) stream.next();
  const auto counts = device_counts();
  EXPECT_EQ(counts.to_device, 0);
  EXPECT_EQ(counts.to_host, 0);
  EXPECT_EQ(counts.synchronisations, 0);
  EXPECT_GT(counts.operators, 0);
}

TEST(DeviceBatchStream, IsForADeviceWhereItFits) {
  DataConfig data;
  Dataset set = noisy_set(10);
  EXPECT_TRUE(belongs_on_device(data, set, pretended_device()));
  EXPECT_FALSE(belongs_on_device(data, set, torch::kCPU));
  set.images = torch::zeros({1}, torch::kUInt8).expand({(std::int64_t{4} << 30) + 1, 1, 1, 1});
  EXPECT_FALSE(belongs_on_device(data, set, pretended_device()));
  data.on_device = false;
  EXPECT_FALSE(belongs_on_device(data, noisy_set(10), pretended_device()));
}

}  // namespace
}  // namespace dcgan
