#include "evaluate/classifier_training.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numbers>

#include "dcgan/error.h"
#include "gan/adam.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

constexpr std::int64_t kBatch = 128;
constexpr std::int64_t kTestBatch = 500;
constexpr double kPeakLr = 3e-3;
constexpr double kWarmUp = 0.15;  ///< share of the training
constexpr double kLabelSmoothing = 0.05;

/// Bounds of the random changes of an image, each way.
constexpr double kTurn = 6.0 / 180.0 * std::numbers::pi;
constexpr double kScale = 0.08;
constexpr double kShear = 0.06;
constexpr double kShift = 1.5 / 28.0;  ///< of a side
constexpr std::int64_t kNumbersAnImage = 7;

/// He et al., "Delving deep into rectifiers" (2015): weights ~ N(0, 2 / fan-in).
void initialise(Network& network, std::int64_t seed, std::int64_t first_stream) {
  const torch::NoGradGuard no_grad;
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    Layer& layer = network.layers[i];
    const std::int64_t stream = first_stream + static_cast<std::int64_t>(i);
    const torch::Tensor row =
        normal_rows(seed, Purpose::classifier_init, stream, 1, layer.weight.numel());
    const double fan_in =
        static_cast<double>(layer.weight.numel()) / static_cast<double>(layer.weight.size(0));
    layer.weight.copy_(row.view(layer.weight.sizes()).mul(std::sqrt(2.0 / fan_in)));
    if (layer.plan.batch_norm) layer.norm_scale.fill_(1.0);
  }
}

/// Turned, scaled, sheared, shifted and with `flip` mirrored images. images: float32 [N, C, H, W];
/// numbers: [N, 7] in [-1, 1). What comes in from outside repeats the border.
torch::Tensor augment(const torch::Tensor& images, const torch::Tensor& numbers, bool flip) {
  const auto column = [&](std::int64_t i) { return numbers.select(1, i); };
  const torch::Tensor angle = column(0) * kTurn;
  const torch::Tensor scale_x = column(1) * kScale + 1.0;
  const torch::Tensor scale_y = column(2) * kScale + 1.0;
  const torch::Tensor mirror = flip ? column(6).ge(0.0) * 2.0 - 1.0 : torch::ones_like(angle);
  const torch::Tensor shear = column(3) * kShear;
  // In affine_grid's coordinates a side is 2 long.
  const torch::Tensor row_x = torch::stack(
      {mirror * scale_x * angle.cos(), shear - scale_y * angle.sin(), column(4) * (2.0 * kShift)},
      1);
  const torch::Tensor row_y = torch::stack(
      {mirror * scale_x * angle.sin(), scale_y * angle.cos(), column(5) * (2.0 * kShift)}, 1);
  const torch::Tensor grid = at::affine_grid_generator(torch::stack({row_x, row_y}, 1),
                                                       images.sizes(), /*align_corners=*/false);
  constexpr std::int64_t kBilinear = 0;
  constexpr std::int64_t kBorder = 1;
  return at::grid_sampler(images, grid, kBilinear, kBorder, /*align_corners=*/false);
}

/// A warm-up in a line, then a cosine to 0. `share`: of the training that is done.
double lr_at(double share) {
  if (share < kWarmUp) return kPeakLr * share / kWarmUp;
  return kPeakLr * 0.5 * (1.0 + std::cos(std::numbers::pi * (share - kWarmUp) / (1.0 - kWarmUp)));
}

torch::Tensor to_float(const torch::Tensor& bytes, torch::Device device) {
  return bytes.to(device).to(torch::kFloat32).div_(255.0);
}

/// What a training holds.
struct Training {
  Classifier classifier;
  Adam optimizer;
};

Training begin(const Dataset& dataset, const ClassifierOptions& options) {
  Classifier classifier =
      make_classifier({dataset.images.size(1), dataset.images.size(2), dataset.images.size(3)},
                      count_classes(dataset), /*folded=*/false, options.device);
  initialise(classifier.body, options.seed, 0);
  // A stream of its own, whatever the number of layers before it.
  constexpr std::int64_t kHeadStream = 1000;
  initialise(classifier.head, options.seed, kHeadStream);
  NamedTensors trained = named_parameters(classifier.body);
  for (auto& parameter : named_parameters(classifier.head)) trained.push_back(std::move(parameter));
  return {classifier, Adam(std::move(trained), {kPeakLr, 0.9, 0.99, 1e-8})};
}

/// One step; the mean loss, on the device.
torch::Tensor step(Training& training, const torch::Tensor& images, const torch::Tensor& labels) {
  const torch::Tensor logits = classify(training.classifier, images, Mode::train).logits;
  const torch::Tensor loss = torch::cross_entropy_loss(
      logits, labels, /*weight=*/{}, at::Reduction::Mean, /*ignore_index=*/-100, kLabelSmoothing);
  training.optimizer.zero_grad();
  loss.backward();
  training.optimizer.step();
  return loss.detach();
}

}  // namespace

std::int64_t count_classes(const Dataset& dataset) {
  constexpr std::int64_t kSmallest = 8;
  if (std::min(dataset.images.size(2), dataset.images.size(3)) < kSmallest) {
    throw failure(
        fmt::format("images of {} x {} pixels", dataset.images.size(2), dataset.images.size(3)))
        .in(dataset.name)
        .remedy(fmt::format("a classifier needs {} x {} or more", kSmallest, kSmallest));
  }
  if (dataset.size() < 2) {
    throw failure("1 image").in(dataset.name).remedy("a classifier needs 2 or more to train on");
  }
  if (dataset.labels.min().item<std::int64_t>() == dataset.labels.max().item<std::int64_t>()) {
    throw failure("every image has the same label")
        .in(dataset.name)
        .remedy("a classifier needs a set with labels of 2 classes or more");
  }
  return dataset.labels.max().item<std::int64_t>() + 1;
}

std::optional<Classifier> train_classifier(const Dataset& dataset, const ClassifierOptions& options,
                                           const ClassifierCallbacks& callbacks) {
  const auto start = std::chrono::steady_clock::now();
  const std::int64_t batch = std::min(kBatch, dataset.size());
  const std::int64_t steps = dataset.size() / batch;  // an epoch's incomplete batch is left out
  Training training = begin(dataset, options);
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const torch::Tensor order =
        torch::tensor(permutation(options.seed, Purpose::classifier_order, epoch, dataset.size()));
    torch::Tensor loss = torch::zeros({}, options.device);
    for (std::int64_t i = 0; i < steps; ++i) {
      if (callbacks.stop_requested()) return {};
      const std::int64_t done = epoch * steps + i;
      training.optimizer.set_lr(
          lr_at(static_cast<double>(done + 1) / static_cast<double>(options.epochs * steps)));
      const torch::Tensor chosen = order.narrow(0, i * batch, batch);
      const torch::Tensor numbers = uniform_rows(options.seed, Purpose::classifier_augmentation,
                                                 done * batch, batch, kNumbersAnImage);
      const torch::Tensor images =
          augment(to_float(dataset.images.index_select(0, chosen), options.device),
                  numbers.to(options.device), options.flip);
      const torch::Tensor labels =
          dataset.labels.index_select(0, chosen).to(torch::kInt64).to(options.device);
      loss += step(training, images, labels);
    }
    const double mean_loss = loss.item<double>() / static_cast<double>(steps);
    if (!std::isfinite(mean_loss)) {
      throw failure("the training failed: its loss is not finite").remedy("try another --seed");
    }
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    callbacks.epoch_done({epoch + 1, mean_loss, seconds.count()});
  }
  return fold(training.classifier);
}

std::int64_t count_correct(const Classifier& classifier, const Dataset& dataset,
                           torch::Device device) {
  const torch::NoGradGuard no_grad;
  const Classifier local{copy_to(classifier.body, device), copy_to(classifier.head, device)};
  std::int64_t correct = 0;
  for (std::int64_t first = 0; first < dataset.size(); first += kTestBatch) {
    const std::int64_t count = std::min(kTestBatch, dataset.size() - first);
    const torch::Tensor images = to_float(dataset.images.narrow(0, first, count), device);
    const torch::Tensor told = classify(local, images, Mode::eval).logits.argmax(1).to(torch::kCPU);
    correct += told.eq(dataset.labels.narrow(0, first, count)).sum().item<std::int64_t>();
  }
  return correct;
}

}  // namespace dcgan
