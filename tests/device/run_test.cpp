// Whole runs, and what is done with a trained network, on the pretended device.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "config/resolve.h"
#include "dcgan/sampler.h"
#include "device/pretended_device.h"
#include "evaluate/features.h"
#include "evaluate/probe.h"
#include "evaluate/project.h"
#include "generate/generator_file.h"
#include "support/small_state.h"
#include "support/temp_folder.h"
#include "support/tensors.h"
#include "training/trainer.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using testing::device_counts;
using testing::pretended_device;
using testing::reset_device_counts;
using testing::TempFolder;

Config smoke_config() {
  Config config = resolve_config(fs::path(DCGAN_SOURCE_DIR) / "configs/smoke.yaml", {}).config;
  config.data.limit = 256;
  config.model.base_channels = 4;
  config.train.r1_gamma = 1;
  config.train.ema_decay = 0.9;
  config.train.translation = 2;
  config.train.evaluate_samples = 200;
  config.train.eps = 1e-3;
  config.run.sample_count = 4;
  return config;
}

/// Trains until `last` steps are done, or to the end.
TrainingJob train_in(const fs::path& folder, torch::Device device, bool resume,
                     std::int64_t last = 1000, const Config& config = smoke_config()) {
  Log log(Verbosity::quiet);
  TrainingJob job = load_job(folder.string(), resume, config, {device, 1, ""}, log);
  const RunDirectory run =
      resume ? RunDirectory::open(folder.string()) : RunDirectory::create(folder.string(), "");
  write_file_atomically(run.config(), to_yaml(job.config));
  train(job, &run, log, [&](const TrainingProgress& progress) { return progress.step < last; });
  return job;
}

class RunOnADevice : public ::testing::Test {
 protected:
  TempFolder folder_;
};

TEST_F(RunOnADevice, WritesTheImagesOfTheCpu) {
  const TrainingJob here = train_in(folder_ / "cpu", torch::kCPU, /*resume=*/false);
  const TrainingJob there = train_in(folder_ / "device", pretended_device(), /*resume=*/false);
  ASSERT_EQ(here.state.step, there.state.step);
  const Sampler ours = Sampler::open(folder_ / "device/g.pt");
  const torch::Tensor latents = ours.draw_latents(/*seed=*/1, 0, 16);
  const torch::Tensor want = Sampler::open(folder_ / "cpu/g.pt").generate(latents);
  const auto distance = [&](const torch::Tensor& bytes) {
    return (bytes.to(torch::kFloat) - want.to(torch::kFloat)).abs().max().item<float>();
  };
  EXPECT_LE(distance(ours.generate(latents)), 1);
  EXPECT_LE(distance(Sampler::open(folder_ / "device/g.pt", pretended_device()).generate(latents)),
            1);
}

TEST_F(RunOnADevice, GoesOnExactlyAfterAStop) {
  const TrainingJob whole = train_in(folder_ / "whole", pretended_device(), /*resume=*/false);
  train_in(folder_ / "stopped", pretended_device(), /*resume=*/false, /*last=*/5);
  const TrainingJob resumed = train_in(folder_ / "stopped", pretended_device(), /*resume=*/true);
  EXPECT_TRUE(testing::equal(resumed.state, whole.state));
}

TEST_F(RunOnADevice, IsTheSameWhereverItsImagesLie) {
  const TrainingJob kept = train_in(folder_ / "kept", pretended_device(), /*resume=*/false);
  Config config = smoke_config();
  config.data.on_device = false;
  const TrainingJob copied =
      train_in(folder_ / "copied", pretended_device(), /*resume=*/false, 1000, config);
  EXPECT_TRUE(testing::equal(kept.state, copied.state));
}

TEST_F(RunOnADevice, IsReadOnlyForWhatIsWritten) {
  const auto copies = [&](std::int64_t steps) {
    Config config = smoke_config();
    config.train.batch_size = config.data.limit / steps;
    config.train.epochs = 1;
    config.train.log_every = 1000;
    config.train.evaluate_every = 0;
    reset_device_counts();
    train_in(folder_ / std::to_string(steps), pretended_device(), /*resume=*/false, 1000, config);
    return device_counts().to_host;
  };
  EXPECT_EQ(copies(32), copies(16));
}

TEST_F(RunOnADevice, IsMeasuredAsOnTheCpu) {
  const torch::Tensor images =
      torch::arange(80 * 28 * 28).remainder(251).to(torch::kUInt8).view({80, 1, 28, 28});
  const auto features = [&](torch::Device device) {
    return std::vector{Features::random(device).compute(images).features,
                       Features::shipped("mnist", device).value().compute(images).features};
  };
  const std::vector<torch::Tensor> want = features(torch::kCPU);
  const std::vector<torch::Tensor> found = features(pretended_device());
  for (std::size_t i = 0; i < want.size(); ++i) {
    EXPECT_LT(testing::relative_distance(found[i], want[i]), 1e-5) << i;
  }
}

TEST_F(RunOnADevice, HasItsNetworksLookedInto) {
  const TrainingJob job = train_in(folder_ / "run", pretended_device(), /*resume=*/false, 2);
  const Network& discriminator = job.state.discriminator;
  const Network on_cpu = copy_to(discriminator, torch::kCPU);
  const torch::Tensor images = job.dataset.images.narrow(0, 0, 32);
  EXPECT_LT(testing::relative_distance(discriminator_features(discriminator, images).cpu(),
                                       discriminator_features(on_cpu, images)),
            1e-5);
  const Sampler sampler = Sampler::open(folder_ / "run/g.pt", pretended_device());
  const Projection projection =
      project(sampler, images.narrow(0, 0, 2), hidden_features(discriminator), /*seed=*/1);
  EXPECT_TRUE(projection.errors.isfinite().all().item<bool>());
}

}  // namespace
}  // namespace dcgan
