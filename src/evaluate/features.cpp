#include "evaluate/features.h"

#include <fmt/format.h>
#include <torch/script.h>

#include <utility>
#include <vector>

#include "base/file.h"
#include "base/gz.h"
#include "dcgan/error.h"
#include "evaluate/classifier.h"
#include "model/archive.h"
#include "model/foreign_module.h"
#include "runtime/parallel.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {

namespace {

/// Images computed at a time. The size is fixed, since LibTorch may choose another algorithm for
/// another batch size and differ in the last bit.
constexpr std::int64_t kFeatureBatch = 64;

/// Pixels up to which a thread computes a batch alone, so that none waits for others: of larger
/// images each would need too much memory.
constexpr std::int64_t kSmall = std::int64_t{64} * 64;

/// The same images with `channels` channels; grey is the luma of ITU-R BT.601.
torch::Tensor with_channels(const torch::Tensor& images, std::int64_t channels) {
  if (images.size(1) == channels) return images;
  if (channels != 1) return images.expand({-1, channels, -1, -1});
  const torch::Tensor rgb = images.to(torch::kFloat32);
  const torch::Tensor red = rgb.select(1, 0).mul(0.299);
  return red.add(rgb.select(1, 1), 0.587).add(rgb.select(1, 2), 0.114).unsqueeze(1);
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

/// What a network of ours takes in place of `images`: float32 in [0, 1] of its own shape.
torch::Tensor fit_to(const ImageShape& shape, const torch::Tensor& images) {
  return to_unit_range(with_size(with_channels(images, shape[0]), shape[1], shape[2]));
}

/// Somebody else's features, [N, D] or [N, D, 1, 1], as float32 [N, D].
torch::Tensor as_rows(const torch::Tensor& tensor, std::int64_t count) {
  TORCH_CHECK(tensor.dim() >= 2 && tensor.size(0) == count && tensor.size(1) > 0 &&
                  tensor.numel() == count * tensor.size(1) && tensor.is_floating_point(),
              "no features");
  return tensor.flatten(1).to(torch::kFloat32);
}

/// From features, or a tuple of features and logits.
FeatureBatch read_output(const torch::jit::IValue& output, std::int64_t count) {
  if (!output.isTuple()) return {as_rows(output.toTensor(), count), {}};
  const auto& parts = output.toTupleRef().elements();
  TORCH_CHECK(parts.size() == 2, "no features and logits");
  return {as_rows(parts[0].toTensor(), count), as_rows(parts[1].toTensor(), count)};
}

/// takes_bytes: NVIDIA's Inception, which is given uint8 RGB and `return_features`.
FeatureBatch run_foreign(torch::jit::Module foreign, bool takes_bytes, const torch::Tensor& images,
                         const std::string& name) {
  // The optimizing executor runs the first calls another way than later ones.
  const torch::jit::GraphOptimizerEnabledGuard as_written(false);
  const std::int64_t given = images.size(1);
  torch::jit::Kwargs options;
  if (takes_bytes) options["return_features"] = true;
  // What it wants can't be known but by trying.
  const std::int64_t other = given == 1 ? 3 : 1;
  for (const std::int64_t channels : {takes_bytes ? 3 : given, other}) {
    torch::Tensor input = with_channels(images, channels);
    if (!takes_bytes) input = to_unit_range(input);
    try {
      return read_output(foreign.forward({input}, options), images.size(0));
    } catch (const std::exception&) {  // LibTorch's own words: a backtrace
    }
  }
  throw failure(fmt::format("it fails, or makes no features, for images of {} x {} x {}", given,
                            images.size(2), images.size(3)))
      .in(name)
      .remedy("it must map float32 [N, C, H, W] in [0, 1] to [N, D]");
}

/// A network that is in `bytes`, but for how it runs.
Features named(const std::string& name, const std::string& bytes, torch::Device device) {
  return {name, fmt::format("{:08x}", crc32_of(bytes.data(), bytes.size())), device};
}

Features open_native(const Archive& archive, const std::string& bytes, const std::string& name,
                     torch::Device device) {
  const ClassifierFile file = read_classifier(archive, name);
  const Network classifier = copy_to(file.classifier, device);
  const ImageShape image = classifier.layers.front().plan.input;
  Features features = named(name, bytes, device);
  features.run = [classifier, image](const torch::Tensor& images) {
    return classify(classifier, fit_to(image, images), Mode::eval);
  };
  features.is_small = image[1] * image[2] <= kSmall;
  features.class_names = file.class_names;
  return features;
}

Features open_foreign(const std::string& bytes, const std::string& name, torch::Device device) {
  const torch::jit::Module foreign = load_foreign_module(bytes, name, device);
  bool takes_bytes = false;
  if (const auto method = foreign.find_method("forward")) {
    for (const auto& argument : method->function().getSchema().arguments()) {
      takes_bytes = takes_bytes || argument.name() == "return_features";
    }
  }
  Features features = named(name, bytes, device);
  features.run = [=](const torch::Tensor& images) {
    return run_foreign(foreign, takes_bytes, images, name);
  };
  return features;
}

}  // namespace

Features Features::open(const std::filesystem::path& path, torch::Device device) {
  const std::string bytes = read_file(path);
  const std::string name = path.string();
  const std::optional<Archive> archive = parse_archive(bytes, path);
  if (!archive) return open_foreign(bytes, name, device);
  if (archive->kind == ArchiveKind::features) return open_native(*archive, bytes, name, device);
  throw failure("it makes images, where a network that makes features of images is needed")
      .in(path)
      .remedy("'dcgan features train' makes one");
}

std::optional<Features> Features::shipped(const std::string& set, torch::Device device) {
  const std::string bytes(shipped_features(set));
  if (bytes.empty()) return {};
  const std::string name = fmt::format("{} classifier (shipped)", set);
  return open_native(*parse_archive(bytes, name), bytes, name, device);
}

Features Features::random(torch::Device device) {
  const torch::NoGradGuard no_grad;
  // The body of a classifier for 3 x 64 x 64 with weights uniform in ±sqrt(6 / fan-in) (He et al.,
  // 2015), drawn by Philox from a fixed seed, no BatchNorm and biases of 0: the same bits on every
  // machine.
  constexpr std::int64_t kSide = 64;
  constexpr std::int64_t kSeed = 1;
  Network whole = make_classifier({3, kSide, kSide}, /*classes=*/2, /*folded=*/true, torch::kCPU);
  initialise_by_fan_in(whole, 6.0, [](std::int64_t stream, std::int64_t count) {
    return uniform_rows(kSeed, Purpose::random_features, stream, 1, count);
  });
  const Network drawn = body_of(std::move(whole));
  std::string bytes;
  for (const auto& [name, tensor] : named_tensors(drawn)) {
    const torch::Tensor plain = tensor.contiguous();
    bytes.append(static_cast<const char*>(plain.data_ptr()), plain.nbytes());
  }
  Features features = named("random convolutions", bytes, device);
  features.is_small = true;
  features.run = [network = copy_to(drawn, device)](const torch::Tensor& images) -> FeatureBatch {
    // In [0, 1] brightness alone would make most of a distance.
    const torch::Tensor fitting = fit_to(network.layers.front().plan.input, images) * 2.0 - 1.0;
    return {forward(network, fitting, Mode::eval).flatten(1), {}};
  };
  return features;
}

Features Features::find(const std::string& wanted, const std::string& set, torch::Device device) {
  if (wanted != "auto") return open(wanted, device);
  std::optional<Features> own = shipped(set, device);
  return own ? std::move(*own) : random(device);
}

FeatureBatch Features::compute(const torch::Tensor& images) const {
  const torch::NoGradGuard no_grad;
  const std::vector<torch::Tensor> parts = images.split(kFeatureBatch);
  std::vector<torch::Tensor> features(parts.size());
  std::vector<torch::Tensor> logits(parts.size());
  const auto compute_part = [&](std::int64_t part) {
    const torch::NoGradGuard no_grad_here;
    const auto at = static_cast<std::size_t>(part);
    const std::int64_t count = parts[at].size(0);
    // Filled up with zeros to a whole batch.
    const torch::Tensor whole =
        torch::constant_pad_nd(parts[at], {0, 0, 0, 0, 0, 0, 0, kFeatureBatch - count});
    const FeatureBatch batch = run(whole.to(device));
    const auto take = [&](const torch::Tensor& rows) {
      const torch::Tensor taken = rows.to(torch::kCPU).narrow(0, 0, count);
      if (taken.isfinite().all().item<bool>()) return taken;
      throw failure("it makes features with NaN or infinity, so its weights are broken")
          .in(name)
          .remedy("use another file");
    };
    features[at] = take(batch.features);
    if (batch.logits.defined()) logits[at] = take(batch.logits);
  };
  const auto count = static_cast<std::int64_t>(parts.size());
  if (is_small && device.is_cpu()) {
    parallel_blocks(count, compute_part);
  } else {
    for (std::int64_t i = 0; i < count; ++i) compute_part(i);
  }
  return {torch::cat(features), logits[0].defined() ? torch::cat(logits) : torch::Tensor()};
}

}  // namespace dcgan
