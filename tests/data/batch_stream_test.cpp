#include "data/batch_stream.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "runtime/random.h"
#include "support/expect_error.h"

namespace dcgan {
namespace {

/// `count` images of 2 x 2 pixels in two channels; every pixel of image i is i.
Dataset numbered_set(std::int64_t count) {
  Dataset set;
  set.images =
      at::arange(count, at::kByte).view({count, 1, 1, 1}).expand({count, 2, 2, 2}).contiguous();
  set.labels = at::zeros({count}, at::kByte);
  set.name = "a set";
  return set;
}

BatchStreamOptions options(std::int64_t batch_size) {
  BatchStreamOptions made;
  made.batch_size = batch_size;
  made.latent_dim = 5;
  made.range = OutputRange::sigmoid;
  return made;
}

/// Which images of a `numbered_set` a batch holds.
std::vector<std::int64_t> numbers(const Batch& batch) {
  std::vector<std::int64_t> found;
  for (std::int64_t i = 0; i < batch.images.size(0); ++i) {
    found.push_back(std::lround(255 * batch.images[i][0][0][0].item<float>()));
  }
  return found;
}

std::vector<std::int64_t> take_numbers(BatchStream& stream, std::int64_t batches) {
  std::vector<std::int64_t> all;
  for (std::int64_t i = 0; i < batches; ++i) {
    const std::vector<std::int64_t> more = numbers(stream.next());
    all.insert(all.end(), more.begin(), more.end());
  }
  return all;
}

std::vector<std::int64_t> counting(std::int64_t count) {
  std::vector<std::int64_t> all(static_cast<std::size_t>(count));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

TEST(BatchStream, ShowsEveryImageOnceAnEpochInAnotherOrderEachTime) {
  BatchStream stream(numbered_set(60), options(10), 0);
  std::vector<std::vector<std::int64_t>> epochs;
  for (int epoch = 0; epoch < 4; ++epoch) {
    std::vector<std::int64_t> seen = take_numbers(stream, 6);
    epochs.push_back(seen);
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, counting(60)) << epoch;
  }
  std::sort(epochs.begin(), epochs.end());
  EXPECT_EQ(std::adjacent_find(epochs.begin(), epochs.end()), epochs.end());
}

TEST(BatchStream, FollowsThePermutationOfSeedAndEpoch) {
  BatchStreamOptions wanted = options(10);
  wanted.seed = 9;
  BatchStream stream(numbered_set(60), wanted, 0);
  for (int epoch = 0; epoch < 3; ++epoch) {
    EXPECT_EQ(take_numbers(stream, 6), permutation(9, Purpose::data_order, epoch, 60));
  }
}

TEST(BatchStream, WithoutShuffleKeepsTheOrderOfTheSet) {
  BatchStreamOptions wanted = options(10);
  wanted.shuffle = false;
  BatchStream stream(numbered_set(60), wanted, 0);
  for (int epoch = 0; epoch < 3; ++epoch) EXPECT_EQ(take_numbers(stream, 6), counting(60));
}

TEST(BatchStream, DropsTheLastIncompleteBatch) {
  BatchStreamOptions wanted = options(10);
  wanted.shuffle = false;
  BatchStream stream(numbered_set(25), wanted, 0);
  for (int epoch = 0; epoch < 3; ++epoch) EXPECT_EQ(take_numbers(stream, 2), counting(20));
}

TEST(BatchStream, KeepsTheLastIncompleteBatchWhereAsked) {
  BatchStreamOptions wanted = options(10);
  wanted.drop_last = false;
  BatchStream stream(numbered_set(25), wanted, 0);
  for (int epoch = 0; epoch < 3; ++epoch) {
    std::vector<std::int64_t> seen;
    for (const std::int64_t size : {10, 10, 5}) {
      const Batch batch = stream.next();
      EXPECT_EQ(batch.images.sizes(), (std::vector<std::int64_t>{size, 2, 2, 2}));
      EXPECT_EQ(batch.latents.sizes(), (std::vector<std::int64_t>{size, 5}));
      const std::vector<std::int64_t> more = numbers(batch);
      seen.insert(seen.end(), more.begin(), more.end());
    }
    std::sort(seen.begin(), seen.end());
    EXPECT_EQ(seen, counting(25));
  }
}

TEST(BatchStream, LabelsFollowTheirImages) {
  Dataset set = numbered_set(60);
  set.labels = 255 - at::arange(60, at::kByte);
  BatchStream stream(set, options(10), 0);
  for (int step = 0; step < 12; ++step) {
    const Batch batch = stream.next();
    ASSERT_EQ(batch.labels.scalar_type(), at::kLong);
    const std::vector<std::int64_t> images = numbers(batch);
    for (std::size_t i = 0; i < images.size(); ++i) {
      EXPECT_EQ(batch.labels[static_cast<std::int64_t>(i)].item<std::int64_t>(), 255 - images[i]);
    }
  }
}

TEST(BatchStream, ASetSmallerThanABatchIsOneBatch) {
  BatchStreamOptions wanted = options(10);
  wanted.drop_last = false;
  wanted.shuffle = false;
  BatchStream stream(numbered_set(3), wanted, 0);
  for (int epoch = 0; epoch < 3; ++epoch) EXPECT_EQ(numbers(stream.next()), counting(3));
}

/// Whether each image of a batch of mirrored_set() is mirrored.
std::vector<bool> mirrored(const Batch& batch) {
  std::vector<bool> found;
  for (std::int64_t i = 0; i < batch.images.size(0); ++i) {
    found.push_back(batch.images[i][0][0][0].item<float>() > 0.5F);
  }
  return found;
}

/// Images of 2 x 3: black on the left, white on the right.
Dataset mirrored_set(std::int64_t size) {
  Dataset set;
  set.images = at::zeros({size, 1, 2, 3}, at::kByte);
  set.images.select(3, 2).fill_(255);
  set.labels = at::zeros({size}, at::kByte);
  set.name = "sides";
  return set;
}

TEST(BatchStream, FlipsHalfOfTheImages) {
  BatchStreamOptions wanted = options(100);
  BatchStream plain(mirrored_set(1000), wanted, 0);
  EXPECT_EQ(mirrored(plain.next()), std::vector<bool>(100, false));
  wanted.flip = true;
  BatchStream stream(mirrored_set(1000), wanted, 0);
  std::int64_t count = 0;
  for (int step = 0; step < 20; ++step) {
    const Batch batch = stream.next();
    const torch::Tensor sides = batch.images.index_select(3, at::tensor({0, 2}));
    EXPECT_TRUE(at::equal(sides.sum(3), at::ones({100, 1, 2}))) << "rows are mirrored as a whole";
    const std::vector<bool> flips = mirrored(batch);
    count += std::count(flips.begin(), flips.end(), true);
  }
  EXPECT_NEAR(static_cast<double>(count), 1000.0, 4 * 22.4);  // four standard deviations
}

TEST(BatchStream, FlipsTheSameWhereverItStarts) {
  BatchStreamOptions wanted = options(10);
  wanted.flip = true;
  BatchStream whole(mirrored_set(50), wanted, 0);
  for (int step = 0; step < 7; ++step) whole.next();
  BatchStream later(mirrored_set(50), wanted, 7);
  EXPECT_EQ(mirrored(whole.next()), mirrored(later.next()));
}

TEST(BatchStream, StartsAnywhere) {
  for (const bool drop_last : {true, false}) {
    BatchStreamOptions wanted = options(4);
    wanted.drop_last = drop_last;
    std::vector<Batch> batches;
    BatchStream whole(numbered_set(18), wanted, 0);
    for (std::int64_t step = 0; step < 20; ++step) {
      batches.push_back(whole.next());
      EXPECT_EQ(batches.back().step, step);
    }
    for (std::size_t first = 0; first < 18; ++first) {
      BatchStream later(numbered_set(18), wanted, static_cast<std::int64_t>(first));
      for (std::size_t step = first; step < first + 2; ++step) {
        const Batch batch = later.next();
        EXPECT_EQ(batch.step, static_cast<std::int64_t>(step));
        EXPECT_TRUE(at::equal(batch.images, batches[step].images)) << step;
        EXPECT_TRUE(at::equal(batch.latents, batches[step].latents)) << step;
      }
    }
  }
}

TEST(BatchStream, PartsPutTogetherAreTheBatch) {
  BatchStreamOptions wanted = options(12);
  wanted.flip = true;
  BatchStream whole(numbered_set(60), wanted, 3);
  std::vector<std::unique_ptr<BatchStream>> parts;
  wanted.parts = 3;
  for (wanted.part = 0; wanted.part < wanted.parts; ++wanted.part) {
    parts.push_back(std::make_unique<BatchStream>(numbered_set(60), wanted, 3));
  }
  for (int step = 0; step < 7; ++step) {
    const Batch expected = whole.next();
    std::vector<at::Tensor> images;
    std::vector<at::Tensor> labels;
    std::vector<at::Tensor> latents;
    for (const auto& part : parts) {
      const Batch batch = part->next();
      images.push_back(batch.images);
      labels.push_back(batch.labels);
      latents.push_back(batch.latents);
    }
    EXPECT_TRUE(at::equal(at::cat(images), expected.images));
    EXPECT_TRUE(at::equal(at::cat(labels), expected.labels));
    EXPECT_TRUE(at::equal(at::cat(latents), expected.latents));
  }
}

TEST(BatchStream, LatentsAreNumberedByStepAndPlace) {
  BatchStreamOptions wanted = options(4);
  wanted.seed = 9;
  wanted.drop_last = false;
  BatchStream stream(numbered_set(6), wanted, 0);
  for (std::int64_t step = 0; step < 6; ++step) {
    const std::int64_t count = step % 2 == 0 ? 4 : 2;
    EXPECT_TRUE(at::equal(stream.next().latents,
                          normal_rows(9, Purpose::train_latents, step * 4, count, 5)));
  }
}

TEST(BatchStream, MapsEveryPixelValueExactly) {
  for (const OutputRange range : {OutputRange::tanh, OutputRange::sigmoid}) {
    BatchStreamOptions wanted = options(256);
    wanted.shuffle = false;
    wanted.range = range;
    BatchStream stream(numbered_set(256), wanted, 0);
    const Batch batch = stream.next();
    ASSERT_EQ(batch.images.scalar_type(), at::kFloat);
    for (int value = 0; value < 256; ++value) {
      const double expected = range == OutputRange::tanh ? value / 127.5 - 1 : value / 255.0;
      const torch::Tensor image = batch.images[value];
      EXPECT_TRUE(at::equal(image, at::full({2, 2, 2}, static_cast<float>(expected)))) << value;
    }
    EXPECT_EQ(batch.images.min().item<float>(), range == OutputRange::tanh ? -1.0F : 0.0F);
    EXPECT_EQ(batch.images.max().item<float>(), 1.0F);
  }
}

TEST(BatchStream, KeepsThePlacesOfPixels) {
  Dataset set;
  set.images = at::arange(2 * 3 * 2 * 4, at::kByte).view({2, 3, 2, 4});
  set.labels = at::zeros({2}, at::kByte);
  BatchStreamOptions wanted = options(2);
  wanted.shuffle = false;
  BatchStream stream(set, wanted, 0);
  EXPECT_TRUE(at::equal((stream.next().images * 255).round(), set.images.to(at::kFloat)));
}

TEST(BatchStream, BatchesBelongToTheCaller) {
  BatchStreamOptions wanted = options(4);
  BatchStream first(numbered_set(16), wanted, 0);
  BatchStream second(numbered_set(16), wanted, 0);
  for (int step = 0; step < 12; ++step) {
    const Batch batch = first.next();
    EXPECT_TRUE(at::equal(batch.images, second.next().images)) << step;
    batch.images.zero_();
    batch.latents.zero_();
  }
}

TEST(BatchStream, StopsWhileABatchWaits) {
  for (const int taken : {0, 1, 5}) {
    BatchStream stream(numbered_set(60), options(10), 0);
    for (int i = 0; i < taken; ++i) stream.next();
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // the next batch is there
  }
}

TEST(BatchStream, StopsAtOnce) {
  for (int i = 0; i < 200; ++i) BatchStream(numbered_set(60), options(10), i);
}

TEST(BatchStream, RethrowsWhatTheThreadThrew) {
  BatchStreamOptions wanted = options(10);
  wanted.latent_dim = -1;  // no tensor has such a width
  BatchStream stream(numbered_set(60), wanted, 0);
  EXPECT_ANY_THROW(stream.next());
  EXPECT_ANY_THROW(stream.next());
}

TEST(BatchStream, RejectsASetWithoutAWholeBatch) {
  using ::testing::AllOf;
  using ::testing::HasSubstr;
  EXPECT_THAT(
      testing::caught([] { BatchStream(numbered_set(9), options(10), 0); }),
      testing::IsError(
          ErrorKind::failure, "a set", "9 images are less than one batch of 10",
          AllOf(HasSubstr("lower train.batch_size"), HasSubstr("data.drop_last to false"))));
  EXPECT_THAT(testing::caught([] { BatchStream(numbered_set(1), options(1024), 0); }).problem(),
              HasSubstr("1 image is less than one batch of 1,024"));
}

TEST(BatchStream, CountsTheBatchesOfAnEpoch) {
  EXPECT_EQ(batches_per_epoch(60000, 64, true), 937);
  EXPECT_EQ(batches_per_epoch(60000, 64, false), 938);
  EXPECT_EQ(batches_per_epoch(64, 64, true), 1);
  EXPECT_EQ(batches_per_epoch(64, 64, false), 1);
  EXPECT_EQ(batches_per_epoch(63, 64, true), 0);
  EXPECT_EQ(batches_per_epoch(63, 64, false), 1);
}

}  // namespace
}  // namespace dcgan
