#include "evaluate/classifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/text.h"
#include "dcgan/error.h"
#include "gan/adam.h"
#include "model/archive.h"
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
constexpr std::int64_t kLargestSide = 4096;
constexpr std::int64_t kMaxClasses = 256;

NetworkPlan plan_body(const ImageShape& image, bool folded) {
  NetworkPlan plan{"classifier", {}};
  ImageShape shape = image;
  const auto add = [&](LayerPlan layer, Nonlinearity nonlinearity) {
    layer.nonlinearity = nonlinearity;
    layer.name = fmt::format("layer{}", plan.layers.size() + 1);
    layer.batch_norm = !folded;
    layer.bias = folded;
    shape = layer.output;
    plan.layers.push_back(std::move(layer));
  };
  for (std::size_t i = 0; i < kStages.size() || std::min(shape[1], shape[2]) > kSmallSide; ++i) {
    const auto [channels, stride] = kStages[std::min(i, kStages.size() - 1)];
    add(convolution_plan(shape, channels, {3, 3}, {stride, stride}, {1, 1}), Nonlinearity::relu);
  }
  add(linear_plan(shape, kFeatureCount), Nonlinearity::none);
  return plan;
}

NamedTensors tensors_of(const Classifier& classifier) {
  NamedTensors tensors = named_tensors(classifier.body);
  for (auto& tensor : named_tensors(classifier.head)) tensors.push_back(std::move(tensor));
  return tensors;
}

std::string torchscript_of(const Classifier& classifier) {
  return fmt::format(
      "def forward(self, images):\n    x = images\n{}    features = x\n    x = torch.relu(x)\n{}"
      "    return (features, x)\n",
      torchscript_layers(plan_of(classifier.body)), torchscript_layers(plan_of(classifier.head)));
}

// Training ----------------------------------------------------------------------------------------

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
  const auto draw = [&](std::int64_t stream, std::int64_t count) {
    return normal_rows(options.seed, Purpose::classifier_init, stream, 1, count);
  };
  // A stream of its own, whatever the number of layers before it.
  constexpr std::int64_t kHeadStream = 1000;
  initialise_by_fan_in(classifier.body, 0, 2.0, draw);
  initialise_by_fan_in(classifier.head, kHeadStream, 2.0, draw);
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

Classifier make_classifier(const ImageShape& image, std::int64_t classes, bool folded,
                           torch::Device device) {
  LayerPlan head = linear_plan({kFeatureCount, 1, 1}, classes);
  head.name = "head";
  head.bias = true;
  return {make_network(plan_body(image, folded), device), make_network({"head", {head}}, device)};
}

void initialise_by_fan_in(
    Network& network, std::int64_t first_stream, double gain,
    const std::function<torch::Tensor(std::int64_t stream, std::int64_t count)>& draw) {
  const torch::NoGradGuard no_grad;
  for (Layer& layer : network.layers) {
    const std::int64_t count = layer.weight.numel();
    const double fan_in = static_cast<double>(count) / static_cast<double>(layer.weight.size(0));
    const torch::Tensor row = draw(first_stream++, count);
    layer.weight.copy_(row.view(layer.weight.sizes()).mul(std::sqrt(gain / fan_in)));
    if (layer.plan.batch_norm) layer.norm_scale.fill_(1.0);
  }
}

FeatureBatch classify(const Classifier& classifier, const torch::Tensor& images, Mode mode) {
  const torch::Tensor features = forward(classifier.body, images, mode).flatten(1);
  return {features, forward(classifier.head, torch::relu(features), mode).flatten(1)};
}

Classifier fold(const Classifier& classifier) {
  const torch::NoGradGuard no_grad;
  Classifier folded =
      make_classifier(classifier.image(), classifier.classes(), /*folded=*/true, torch::kCPU);
  for (std::size_t i = 0; i < folded.body.layers.size(); ++i) {
    const Layer& from = classifier.body.layers[i];
    const auto wide = [](const torch::Tensor& tensor) {
      return tensor.detach().to(torch::kCPU).to(torch::kFloat64);
    };
    const torch::Tensor scale =
        wide(from.norm_scale) / (wide(from.running_var) + kBatchNormEps).sqrt();  // [out]
    Layer& to = folded.body.layers[i];
    to.weight.copy_((wide(from.weight).flatten(1) * scale.unsqueeze(1)).view_as(to.weight));
    to.bias.copy_(wide(from.norm_shift) - wide(from.running_mean) * scale);
  }
  folded.head = copy_to(classifier.head, torch::kCPU);
  set_requires_grad(folded.body, false);
  set_requires_grad(folded.head, false);
  return folded;
}

void save_classifier(const std::filesystem::path& path, const ClassifierFile& file) {
  const ImageShape& image = file.classifier.image();
  const ClassifierRecord& record = file.record;
  Archive archive;
  archive.kind = ArchiveKind::features;
  archive.tensors = tensors_of(file.classifier);
  archive.forward = torchscript_of(file.classifier);
  archive.numbers = {{"channels", image[0]},
                     {"height", image[1]},
                     {"width", image[2]},
                     {"classes", file.classifier.classes()},
                     {"images", record.images},
                     {"epochs", record.epochs},
                     {"seed", record.seed},
                     {"flip", record.flip ? 1 : 0},
                     {"test_images", record.test_images},
                     {"test_correct", record.test_correct}};
  archive.notes = {{"set", record.set}, {"dataset_crc32", record.fingerprint}};
  note_class_names(archive, record.class_names, file.classifier.classes());
  write_archive(path, archive);
}

ClassifierFile parse_classifier(const std::string& bytes, const std::filesystem::path& path) {
  const Archive archive = parse_archive(bytes, path, ArchiveKind::features);
  const auto require = [&](const char* name, bool holds) {
    if (holds) return;
    throw failure(fmt::format("its '{}' is missing or out of range", name))
        .in(path)
        .remedy("train it again with 'dcgan features train'");
  };
  const auto number = [&](const char* name, std::int64_t min,
                          std::int64_t max = std::numeric_limits<std::int64_t>::max()) {
    const auto found = archive.numbers.find(name);
    require(name, found != archive.numbers.end() && found->second >= min && found->second <= max);
    return found->second;
  };
  const auto note = [&](const char* name) {
    const auto found = archive.notes.find(name);
    require(name, found != archive.notes.end());
    return found->second;
  };
  const ImageShape image{number("channels", 1, 3), number("height", 1, kLargestSide),
                         number("width", 1, kLargestSide)};
  ClassifierFile file;
  file.record = {note("set"),
                 note("dataset_crc32"),
                 number("images", 1),
                 number("epochs", 1),
                 number("seed", 0),
                 number("flip", 0, 1) == 1,
                 number("test_images", 1),
                 number("test_correct", 0),
                 noted_class_names(archive, number("classes", 2, kMaxClasses))};
  file.classifier =
      make_classifier(image, number("classes", 2, kMaxClasses), /*folded=*/true, torch::kCPU);
  set_requires_grad(file.classifier.body, false);
  set_requires_grad(file.classifier.head, false);
  copy_tensors(archive, "", tensors_of(file.classifier), path);
  return file;
}

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
