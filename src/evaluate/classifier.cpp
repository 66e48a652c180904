#include "evaluate/classifier.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "base/text.h"
#include "dcgan/error.h"
#include "model/archive.h"
#include "model/script.h"
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

/// A 3x3 convolution that keeps the size, or halves it rounding up.
LayerPlan plan_convolution(const ImageShape& input, const Stage& stage) {
  LayerPlan layer;
  layer.kind = LayerKind::convolution;
  layer.input = input;
  layer.output = {stage.channels, (input[1] - 1) / stage.stride + 1,
                  (input[2] - 1) / stage.stride + 1};
  layer.kernel = {3, 3};
  layer.stride = {stage.stride, stage.stride};
  layer.padding = {1, 1};
  layer.nonlinearity = Nonlinearity::relu;
  return layer;
}

LayerPlan plan_linear(const ImageShape& input, std::int64_t outputs) {
  LayerPlan layer;
  layer.kind = LayerKind::linear;
  layer.input = input;
  layer.output = {outputs, 1, 1};
  return layer;
}

NetworkPlan plan_body(const ImageShape& image, bool folded) {
  NetworkPlan plan{"classifier", {}};
  ImageShape shape = image;
  const auto add = [&](LayerPlan layer) {
    layer.name = fmt::format("layer{}", plan.layers.size() + 1);
    layer.batch_norm = !folded;
    layer.bias = folded;
    shape = layer.output;
    plan.layers.push_back(std::move(layer));
  };
  for (const Stage& stage : kStages) add(plan_convolution(shape, stage));
  while (std::min(shape[1], shape[2]) > kSmallSide) {
    add(plan_convolution(shape, kStages.back()));
  }
  add(plan_linear(shape, kFeatureCount));
  return plan;
}

NetworkPlan plan_head(std::int64_t classes) {
  LayerPlan layer = plan_linear({kFeatureCount, 1, 1}, classes);
  layer.name = "head";
  layer.bias = true;
  return {"head", {std::move(layer)}};
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

Error unusable(const std::filesystem::path& path, const std::string& name) {
  return failure(fmt::format("its '{}' is missing or out of range", name))
      .in(path)
      .remedy("train it again with 'dcgan features train'");
}

std::int64_t number_in(const Archive& archive, const std::string& name, std::int64_t min,
                       std::int64_t max, const std::filesystem::path& path) {
  const auto found = archive.numbers.find(name);
  if (found == archive.numbers.end() || found->second < min || found->second > max) {
    throw unusable(path, name);
  }
  return found->second;
}

std::string note_in(const Archive& archive, const std::string& name,
                    const std::filesystem::path& path) {
  const auto found = archive.notes.find(name);
  if (found == archive.notes.end()) throw unusable(path, name);
  return found->second;
}

}  // namespace

Classifier make_classifier(const ImageShape& image, std::int64_t classes, bool folded,
                           torch::Device device) {
  return {make_network(plan_body(image, folded), device), make_network(plan_head(classes), device)};
}

ClassifierOutput classify(const Classifier& classifier, const torch::Tensor& images, Mode mode) {
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
  const auto number = [&](const char* name, std::int64_t min, std::int64_t max) {
    return number_in(archive, name, min, max, path);
  };
  const ImageShape image{number("channels", 1, 3), number("height", 1, kLargestSide),
                         number("width", 1, kLargestSide)};
  constexpr std::int64_t kNoLimit = std::numeric_limits<std::int64_t>::max();
  ClassifierFile file;
  file.record = {note_in(archive, "set", path),
                 note_in(archive, "dataset_crc32", path),
                 number("images", 1, kNoLimit),
                 number("epochs", 1, kNoLimit),
                 number("seed", 0, kNoLimit),
                 number("flip", 0, 1) == 1,
                 number("test_images", 1, kNoLimit),
                 number("test_correct", 0, kNoLimit),
                 noted_class_names(archive, number("classes", 2, kMaxClasses))};
  file.classifier =
      make_classifier(image, number("classes", 2, kMaxClasses), /*folded=*/true, torch::kCPU);
  set_requires_grad(file.classifier.body, false);
  set_requires_grad(file.classifier.head, false);
  copy_tensors(archive, "", tensors_of(file.classifier), path);
  return file;
}

}  // namespace dcgan
