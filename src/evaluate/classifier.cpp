#include "evaluate/classifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <stdexcept>

#include "base/text.h"
#include "dcgan/error.h"
#include "gan/optimizer.h"
#include "model/script.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

struct Stage {
  std::int64_t channels;
  std::int64_t stride;
};

constexpr std::array<Stage, 6> kStages{{{16, 1}, {32, 2}, {32, 1}, {64, 2}, {64, 1}, {96, 2}}};
constexpr std::int64_t kSmallSide = 4;

std::string torchscript_of(const Network& classifier) {
  return fmt::format(
      "def forward(self, images):\n    x = images\n{}    features = x\n    x = torch.relu(x)\n{}"
      "    return (features, x)\n",
      torchscript_layers(plan_of(body_of(classifier))),
      torchscript_layers({"head", {classifier.layers.back().plan}}));
}

// Training ----------------------------------------------------------------------------------------

constexpr std::int64_t kTrainBatch = 128;
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

Network initial_classifier(const Dataset& dataset, const ClassifierOptions& options) {
  Network classifier =
      make_classifier({dataset.images.size(1), dataset.images.size(2), dataset.images.size(3)},
                      count_classes(dataset), /*folded=*/false, options.device);
  initialise_by_fan_in(classifier, 2.0, [&](std::int64_t stream, std::int64_t count) {
    return normal_rows(options.seed, Purpose::classifier_init, stream, 1, count);
  });
  return classifier;
}

}  // namespace

Network make_classifier(const ImageShape& image, std::int64_t classes, bool folded,
                        torch::Device device) {
  NetworkPlan plan{"classifier", {}};
  ImageShape shape = image;
  const auto add = [&](LayerPlan layer, Nonlinearity nonlinearity) {
    layer.nonlinearity = nonlinearity;
    layer.name = fmt::format("layer{}", plan.layers.size() + 1);
    layer.norm = folded ? Norm::none : Norm::batch;
    layer.bias = folded;
    shape = layer.output;
    plan.layers.push_back(std::move(layer));
  };
  for (std::size_t i = 0; i < kStages.size() || std::min(shape[1], shape[2]) > kSmallSide; ++i) {
    const auto [channels, stride] = kStages[std::min(i, kStages.size() - 1)];
    add(convolution_plan(shape, channels, {3, 3}, {stride, stride}, {1, 1}), Nonlinearity::relu);
  }
  add(linear_plan(shape, kFeatureCount), Nonlinearity::none);
  LayerPlan head = linear_plan(shape, classes);
  head.name = "head";
  head.bias = true;
  plan.layers.push_back(std::move(head));
  return make_network(plan, device);
}

void initialise_by_fan_in(
    Network& classifier, double gain,
    const std::function<torch::Tensor(std::int64_t stream, std::int64_t count)>& draw) {
  const torch::NoGradGuard no_grad;
  std::int64_t next = 0;
  for (Layer& layer : classifier.layers) {
    // The head's is the same whatever the number of layers before it.
    constexpr std::int64_t kHeadStream = 1000;
    const std::int64_t stream = layer.plan.name == "head" ? kHeadStream : next++;
    const std::int64_t count = layer.weight.numel();
    const double fan_in = static_cast<double>(count) / static_cast<double>(layer.weight.size(0));
    const torch::Tensor row = draw(stream, count);
    layer.weight.copy_(row.view(layer.weight.sizes()).mul(std::sqrt(gain / fan_in)));
    if (layer.norm_scale.defined()) layer.norm_scale.fill_(1.0);
  }
}

Network body_of(Network classifier) {
  classifier.layers.pop_back();
  return classifier;
}

FeatureBatch classify(const Network& classifier, const torch::Tensor& images, Mode mode) {
  const torch::Tensor features = forward(body_of(classifier), images, mode).flatten(1);
  const Network head{"head", {classifier.layers.back()}};
  return {features, forward(head, torch::relu(features), mode).flatten(1)};
}

Network fold(const Network& classifier) {
  const torch::NoGradGuard no_grad;
  Network folded =
      make_classifier(classifier.layers.front().plan.input, classifier.layers.back().plan.output[0],
                      /*folded=*/true, torch::kCPU);
  const auto wide = [](const torch::Tensor& tensor) {
    return tensor.detach().to(torch::kCPU).to(torch::kFloat64);
  };
  for (std::size_t i = 0; i < folded.layers.size(); ++i) {
    const Layer& from = classifier.layers[i];
    Layer& to = folded.layers[i];
    if (from.plan.norm == Norm::none) {  // the head
      to.weight.copy_(from.weight);
      to.bias.copy_(from.bias);
      continue;
    }
    const torch::Tensor scale =
        wide(from.norm_scale) / (wide(from.running_var) + kNormEps).sqrt();  // [out]
    to.weight.copy_((wide(from.weight).flatten(1) * scale.unsqueeze(1)).view_as(to.weight));
    to.bias.copy_(wide(from.norm_shift) - wide(from.running_mean) * scale);
  }
  set_requires_grad(folded, false);
  return folded;
}

void save_classifier(const std::filesystem::path& path, const ClassifierFile& file) {
  const std::vector<Layer>& layers = file.classifier.layers;
  const ImageShape& image = layers.front().plan.input;
  const std::int64_t classes = layers.back().plan.output[0];
  Archive archive;
  archive.kind = ArchiveKind::features;
  archive.tensors = named_tensors(file.classifier);
  archive.forward = torchscript_of(file.classifier);
  archive.numbers = {{"channels", image[0]},
                     {"height", image[1]},
                     {"width", image[2]},
                     {"classes", classes},
                     {"images", file.images},
                     {"epochs", file.epochs},
                     {"seed", file.seed},
                     {"flip", file.flip ? 1 : 0},
                     {"test_images", file.test_images},
                     {"test_correct", file.test_correct}};
  archive.notes = {{"set", file.set}, {"dataset_crc32", file.fingerprint}};
  note_class_names(archive, file.class_names, classes);
  write_archive(path, archive);
}

ClassifierFile read_classifier(const Archive& archive, const std::filesystem::path& path) try {
  const auto& numbers = archive.numbers;
  ClassifierFile file{
      make_classifier({numbers.at("channels"), numbers.at("height"), numbers.at("width")},
                      numbers.at("classes"), /*folded=*/true, torch::kCPU),
      archive.notes.at("set"),
      archive.notes.at("dataset_crc32"),
      numbers.at("images"),
      numbers.at("epochs"),
      numbers.at("seed"),
      numbers.at("flip") == 1,
      numbers.at("test_images"),
      numbers.at("test_correct"),
      noted_class_names(archive)};
  set_requires_grad(file.classifier, false);
  copy_tensors(archive, "", named_tensors(file.classifier), path);
  return file;
} catch (const std::out_of_range&) {
  throw failure("it does not say all that a feature network's file does")
      .in(path)
      .remedy("train it again with 'dcgan features train'");
}

std::int64_t count_classes(const Dataset& dataset) {
  constexpr std::int64_t kSmallest = 8;
  const std::int64_t height = dataset.images.size(2);
  const std::int64_t width = dataset.images.size(3);
  const auto largest = dataset.labels.max().item<std::int64_t>();
  const bool same = dataset.labels.min().item<std::int64_t>() == largest;
  if (!same && std::min(height, width) >= kSmallest) return largest + 1;
  throw failure(same ? "every image has the same label"
                     : fmt::format("images of {} x {} pixels", height, width))
      .in(dataset.name)
      .remedy("a classifier needs labels of 2 classes or more, and images of 8 x 8 or more");
}

std::optional<Network> train_classifier(const Dataset& dataset, const ClassifierOptions& options) {
  const std::int64_t batch = std::min(kTrainBatch, dataset.size());
  const std::int64_t steps = dataset.size() / batch;  // an epoch's incomplete batch is left out
  const Network classifier = initial_classifier(dataset, options);
  Optimizer optimizer(named_parameters(classifier), {kPeakLr, 0.9, 0.99, 1e-8});
  for (std::int64_t epoch = 0; epoch < options.epochs; ++epoch) {
    const torch::Tensor order =
        torch::tensor(permutation(options.seed, Purpose::classifier_order, epoch, dataset.size()));
    torch::Tensor sum = torch::zeros({}, options.device);
    for (std::int64_t i = 0; i < steps; ++i) {
      if (options.stop_requested()) return {};
      const std::int64_t done = epoch * steps + i;
      optimizer.set_lr(
          lr_at(static_cast<double>(done + 1) / static_cast<double>(options.epochs * steps)));
      const torch::Tensor chosen = order.narrow(0, i * batch, batch);
      const torch::Tensor numbers = uniform_rows(options.seed, Purpose::classifier_augmentation,
                                                 done * batch, batch, kNumbersAnImage);
      const torch::Tensor images =
          augment(to_float(dataset.images.index_select(0, chosen), options.device),
                  numbers.to(options.device), options.flip);
      const torch::Tensor labels =
          dataset.labels.index_select(0, chosen).to(torch::kInt64).to(options.device);
      const torch::Tensor loss = torch::cross_entropy_loss(
          classify(classifier, images, Mode::train).logits, labels, /*weight=*/{},
          at::Reduction::Mean, /*ignore_index=*/-100, kLabelSmoothing);
      optimizer.zero_grad();
      loss.backward();
      optimizer.step();
      sum += loss.detach();
    }
    const double mean_loss = sum.item<double>() / static_cast<double>(steps);
    if (!std::isfinite(mean_loss)) {
      throw failure("the training failed: its loss is not finite").remedy("try another --seed");
    }
    options.epoch_done(epoch + 1, mean_loss);
  }
  return fold(classifier);
}

std::int64_t count_correct(const Network& classifier, const Dataset& dataset,
                           torch::Device device) {
  const torch::NoGradGuard no_grad;
  const Network local = copy_to(classifier, device);
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
