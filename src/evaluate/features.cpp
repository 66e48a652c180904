#include "evaluate/features.h"

#include <fmt/format.h>
#include <torch/script.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/gz.h"
#include "dcgan/error.h"
#include "evaluate/classifier.h"
#include "evaluate/random_features.h"
#include "evaluate/shipped_features.h"
#include "model/archive.h"
#include "model/foreign_module.h"
#include "runtime/parallel.h"
#include "runtime/torch.h"

namespace dcgan {

struct Features::Impl {
  std::string name;
  std::string checksum;
  std::int64_t classes = 0;
  std::vector<std::string> class_names;
  torch::Device device = torch::kCPU;
  bool is_small = false;  ///< and ours: batches may be computed side by side, a thread each
  virtual ~Impl() = default;
  /// images: uint8 [kBatch, C, H, W] on `device`; features and logits on it, too.
  virtual FeatureBatch run(const torch::Tensor& images) const = 0;
};

namespace {

/// Images computed at a time. The size is fixed, since LibTorch may choose another algorithm for
/// another batch size and differ in the last bit.
constexpr std::int64_t kBatch = 64;

/// Pixels up to which a thread computes a batch alone, so that none waits for others: of larger
/// images each would need too much memory.
constexpr std::int64_t kSmall = 64 * 64;

/// uint8 or float [N, 3, H, W] -> float32 [N, 1, H, W], by the luma of ITU-R BT.601.
torch::Tensor to_grey(const torch::Tensor& images) {
  const torch::Tensor rgb = images.to(torch::kFloat32);
  return rgb.select(1, 0)
      .mul(0.299)
      .add(rgb.select(1, 1), 0.587)
      .add(rgb.select(1, 2), 0.114)
      .unsqueeze(1);
}

/// The same images with `channels` channels.
torch::Tensor with_channels(const torch::Tensor& images, std::int64_t channels) {
  if (images.size(1) == channels) return images;
  if (channels == 1) return to_grey(images);
  return images.expand({-1, channels, -1, -1});
}

/// Antialiased bilinear, as data.image_size resizes a data set, but not rounded to bytes.
torch::Tensor with_size(const torch::Tensor& images, std::int64_t height, std::int64_t width) {
  if (images.size(2) == height && images.size(3) == width) return images;
  return at::_upsample_bilinear2d_aa(images.to(torch::kFloat32), {height, width},
                                     /*align_corners=*/false);
}

torch::Tensor to_unit_range(const torch::Tensor& images) {
  return images.to(torch::kFloat32).div(255.0);
}

/// A classifier of ours.
struct NativeFeatures : Features::Impl {
  Classifier classifier;

  FeatureBatch run(const torch::Tensor& images) const override {
    const ImageShape& wanted = classifier.image();
    const torch::Tensor fitting = with_size(with_channels(images, wanted[0]), wanted[1], wanted[2]);
    const ClassifierOutput output = classify(classifier, to_unit_range(fitting), Mode::eval);
    return {output.features, output.logits};
  }
};

/// Somebody else's network.
struct ForeignFeatures : Features::Impl {
  mutable ForeignModule foreign;  // forward() is not const
  bool takes_bytes = false;       ///< NVIDIA's Inception: uint8 RGB and `return_features`

  FeatureBatch run(const torch::Tensor& images) const override {
    const std::int64_t given = images.size(1);
    if (takes_bytes) return require(call(with_channels(images, 3)), images);
    // What it wants can't be known but by trying.
    FeatureBatch batch = call(to_unit_range(images));
    if (batch.features.defined()) return batch;
    return require(call(to_unit_range(with_channels(images, given == 1 ? 3 : 1))), images);
  }

  FeatureBatch require(FeatureBatch batch, const torch::Tensor& images) const {
    if (batch.features.defined()) return batch;
    throw failure(fmt::format(
        "{}: it fails, or makes no features, for images of {} x {} x {}; it must map float32 "
        "[N, C, H, W] in [0, 1] to [N, D]",
        name, images.size(1), images.size(2), images.size(3)));
  }

  /// Undefined where it fails or makes something else than features.
  FeatureBatch call(const torch::Tensor& images) const {
    // The optimizing executor runs the first calls another way than later ones.
    const torch::jit::GraphOptimizerEnabledGuard as_written(false);
    try {
      torch::jit::Kwargs options;
      if (takes_bytes) options["return_features"] = true;
      const torch::Tensor input = takes_bytes ? images : images.to(foreign.type);
      return read(foreign.module.forward({input}, options), images.size(0));
    } catch (const std::exception&) {  // LibTorch's own words: a backtrace
      return {};
    }
  }

  /// [N, D], [N, D, 1, 1], or a tuple of one of these and logits.
  static FeatureBatch read(const torch::jit::IValue& output, std::int64_t count) {
    if (output.isTensor()) return {as_rows(output.toTensor(), count), {}};
    if (!output.isTuple() || output.toTupleRef().elements().size() != 2) return {};
    const auto& parts = output.toTupleRef().elements();
    if (!parts[0].isTensor() || !parts[1].isTensor()) return {};
    const torch::Tensor logits = as_rows(parts[1].toTensor(), count);
    if (!logits.defined()) return {};
    return {as_rows(parts[0].toTensor(), count), logits};
  }

  static torch::Tensor as_rows(const torch::Tensor& tensor, std::int64_t count) {
    const bool is_column = tensor.dim() == 4 && tensor.size(2) == 1 && tensor.size(3) == 1;
    const bool fits = (tensor.dim() == 2 || is_column) && tensor.size(0) == count &&
                      tensor.size(1) > 0 && tensor.is_floating_point();
    return fits ? tensor.flatten(1).to(torch::kFloat32) : torch::Tensor();
  }
};

/// Without classes.
struct RandomFeatures : Features::Impl {
  Network network;

  FeatureBatch run(const torch::Tensor& images) const override {
    const ImageShape& wanted = network.layers.front().plan.input;
    const torch::Tensor fitting = with_size(with_channels(images, wanted[0]), wanted[1], wanted[2]);
    const torch::Tensor symmetric = to_unit_range(fitting) * 2.0 - 1.0;
    return {forward(network, symmetric, Mode::eval).flatten(1), {}};
  }
};

std::unique_ptr<Features::Impl> open_native(const std::string& bytes, const std::string& name,
                                            torch::Device device) {
  const ClassifierFile file = parse_classifier(bytes, name);
  auto features = std::make_unique<NativeFeatures>();
  features->classifier = {copy_to(file.classifier.body, device),
                          copy_to(file.classifier.head, device)};
  features->classes = file.classifier.classes();
  features->class_names = file.record.class_names;
  const ImageShape& image = file.classifier.image();
  features->is_small = image[1] * image[2] <= kSmall;
  return features;
}

std::unique_ptr<Features::Impl> open_foreign(const std::string& bytes, torch::Device device) {
  auto features = std::make_unique<ForeignFeatures>();
  features->foreign = load_foreign_module(bytes, device);
  if (const auto method = features->foreign.module.find_method("forward")) {
    for (const auto& argument : method->function().getSchema().arguments()) {
      features->takes_bytes = features->takes_bytes || argument.name() == "return_features";
    }
  }
  return features;
}

std::unique_ptr<Features::Impl> named(std::unique_ptr<Features::Impl> features,
                                      const std::string& name, const std::string& bytes,
                                      torch::Device device) {
  features->name = name;
  features->checksum = fmt::format("{:08x}", crc32_of(bytes.data(), bytes.size()));
  features->device = device;
  return features;
}

/// [N, ...] -> [kBatch, ...], filled up with zeros.
torch::Tensor fill_up(const torch::Tensor& images) {
  return torch::constant_pad_nd(images, {0, 0, 0, 0, 0, 0, 0, kBatch - images.size(0)});
}

}  // namespace

Features::Features(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Features::Features(Features&&) noexcept = default;
Features& Features::operator=(Features&&) noexcept = default;
Features::~Features() = default;

Features Features::open(const std::filesystem::path& path, torch::Device device) {
  const std::string bytes = read_file(path);
  switch (identify(bytes, path)) {
    case FileKind::features:
      return Features(
          named(open_native(bytes, path.string(), device), path.string(), bytes, device));
    case FileKind::foreign_torchscript:
      return Features(named(open_foreign(bytes, device), path.string(), bytes, device));
    case FileKind::generator:
    case FileKind::checkpoint:
      break;
  }
  throw failure(
      fmt::format("{}: it makes images, where a network that makes features of images is "
                  "needed; 'dcgan features train' makes one",
                  path.string()));
}

std::optional<Features> Features::shipped(const std::string& set, torch::Device device) {
  const std::string bytes(shipped_features(set));
  if (bytes.empty()) return {};
  const std::string name = fmt::format("{} classifier (shipped)", set);
  return Features(named(open_native(bytes, name, device), name, bytes, device));
}

Features Features::random(torch::Device device) {
  const torch::NoGradGuard no_grad;
  auto features = std::make_unique<RandomFeatures>();
  std::string bytes;
  for (const auto& [name, tensor] : named_tensors(make_random_features(torch::kCPU))) {
    const torch::Tensor plain = tensor.contiguous();
    bytes.append(static_cast<const char*>(plain.data_ptr()), plain.nbytes());
  }
  features->network = make_random_features(device);
  features->is_small = true;
  return Features(named(std::move(features), "random convolutions", bytes, device));
}

Features Features::find(const std::string& wanted, const std::string& set, torch::Device device) {
  if (wanted != "auto") return open(wanted, device);
  std::optional<Features> own = shipped(set, device);
  return own ? std::move(*own) : random(device);
}

const std::string& Features::name() const { return impl_->name; }
const std::string& Features::checksum() const { return impl_->checksum; }
std::int64_t Features::classes() const { return impl_->classes; }
const std::vector<std::string>& Features::class_names() const { return impl_->class_names; }

FeatureBatch Features::compute(const torch::Tensor& images) const {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> parts = images.split(kBatch);
  std::vector<torch::Tensor> features(parts.size());
  std::vector<torch::Tensor> logits(parts.size());
  const auto compute_part = [&](std::int64_t part) {
    const torch::NoGradGuard no_grad_here;
    const auto at = static_cast<std::size_t>(part);
    const std::int64_t count = parts[at].size(0);
    const FeatureBatch batch = impl_->run(fill_up(parts[at]).to(impl_->device));
    features[at] = batch.features.to(torch::kCPU).narrow(0, 0, count);
    if (!features[at].isfinite().all().item<bool>()) {
      throw failure(fmt::format(
          "{}: it makes features with NaN or infinity; its weights are broken", impl_->name));
    }
    if (batch.logits.defined()) logits[at] = batch.logits.to(torch::kCPU).narrow(0, 0, count);
  };
  const auto count = static_cast<std::int64_t>(parts.size());
  if (impl_->is_small && impl_->device.is_cpu()) {
    parallel_blocks(count, compute_part);
  } else {
    for (std::int64_t i = 0; i < count; ++i) compute_part(i);
  }
  return {torch::cat(features), logits[0].defined() ? torch::cat(logits) : torch::Tensor()};
}

}  // namespace dcgan
