#include "dcgan/sampler.h"

#include <fmt/format.h>
#include <torch/script.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "base/file.h"
#include "dcgan/error.h"
#include "generate/generator_file.h"
#include "model/foreign_module.h"
#include "model/forward.h"
#include "model/modes.h"
#include "runtime/random.h"

namespace dcgan {

struct Sampler::Impl {
  std::filesystem::path path;  ///< for messages
  torch::Device device = torch::kCPU;
  std::int64_t latent_dim = 0;
  /// float32 [N, latent_dim] -> float32 [N, C, H, W] in [-1, 1], both on `device`.
  std::function<torch::Tensor(const torch::Tensor&)> run = {};
  std::optional<Config> config = {};  ///< nothing for somebody else's
  std::vector<std::string> class_names = {};
  torch::Tensor mode_bias = {};  ///< of a generator that knows classes, CPU
};

namespace {

/// Images computed at a time. The size is fixed, since LibTorch may choose another algorithm for
/// another batch size and differ in the last bit: image 7 is the same whatever else is asked for.
constexpr std::int64_t kBatch = 64;

/// uint8 [N, C, H, W]: what `run` makes of the latents, filled up with zeros to whole batches.
template <typename Run>
torch::Tensor run_in_batches(const torch::Tensor& latents, const Run& run) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> parts;
  for (const torch::Tensor& part : latents.split(kBatch)) {
    const torch::Tensor full = torch::constant_pad_nd(part, {0, 0, 0, kBatch - part.size(0)});
    parts.push_back(to_bytes(run(full)).narrow(0, 0, part.size(0)));
  }
  return torch::cat(parts);
}

/// [N, latent_dim] -> [N, C, H, W] in [-1, 1].
torch::Tensor run_network(const Network& network, const torch::Tensor& latents, OutputRange range) {
  const torch::Tensor images = forward(network, latents, Mode::eval);
  return range == OutputRange::tanh ? images : images * 2.0 - 1.0;
}

/// A module's images, as they are. Throws `failure` where it fails or makes none.
torch::Tensor images_of(torch::jit::Module foreign, const torch::Tensor& latents,
                        const std::filesystem::path& path) {
  try {
    const torch::Tensor out = foreign.forward({latents}).toTensor();
    if (out.dim() == 4 && out.size(0) == latents.size(0) && out.numel() > 0 &&
        (out.size(1) == 1 || out.size(1) == 3) && out.is_floating_point()) {
      return out.to(torch::kFloat32);
    }
  } catch (const std::exception&) {  // LibTorch's own words: a backtrace
  }
  throw failure(fmt::format("it fails, or makes no images, for {} latents of size {}",
                            latents.size(0), latents.size(1)))
      .in(path)
      .remedy(fmt::format("it must map [N, {}] to [N, 1 or 3, H, W] for any N", latents.size(1)));
}

/// The latent's size as an attribute or else the first weight tells it; 0 where neither does.
std::int64_t guess_latent_size(const torch::jit::Module& module) {
  for (const char* name : {"latent_dim", "nz", "z_dim"}) {
    if (module.hasattr(name) && module.attr(name).isInt()) return module.attr(name).toInt();
  }
  for (const torch::Tensor& weight : module.parameters()) {
    // [in, out, kh, kw] of a transposed convolution, [out, in] of a linear layer.
    if (weight.dim() >= 2) return weight.size(weight.dim() == 2 ? 1 : 0);
  }
  return 0;
}

std::shared_ptr<Sampler::Impl> open_foreign(const std::string& bytes,
                                            const std::filesystem::path& path, torch::Device device,
                                            std::optional<std::int64_t> latent_dim) {
  const torch::jit::Module foreign = load_foreign_module(bytes, path, device);
  const std::int64_t size = latent_dim.value_or(guess_latent_size(foreign));
  for (const bool as_image : {false, true}) {  // latents [N, size] or [N, size, 1, 1]
    const auto run = [=](const torch::Tensor& latents) {
      return images_of(foreign, as_image ? latents.unsqueeze(2).unsqueeze(3) : latents, path);
    };
    torch::Tensor images;
    try {
      images = run(normal_rows(0, Purpose::sample_latents, 0, kBatch, size).to(device));
    } catch (const Error&) {
      continue;
    }
    constexpr double kTooLarge = 2.0;
    if (images.abs().max().item<double>() > kTooLarge) {
      throw failure("its images are neither in [-1, 1] nor in [0, 1]")
          .in(path)
          .remedy("scale its output");
    }
    // Pictures in [-1, 1] without one dark pixel do not happen; [0, 1] it is, then.
    const bool unit_range = images.min().item<double>() >= 0.0;
    const auto run_scaled = [=](const torch::Tensor& latents) {
      return unit_range ? run(latents) * 2.0 - 1.0 : run(latents);
    };
    return std::make_shared<Sampler::Impl>(Sampler::Impl{path, device, size, run_scaled});
  }
  throw failure("a TorchScript that is no generator, or one of another latent size")
      .in(path)
      .remedy(
          "a generator maps [N, latent size] to [N, 1 or 3, H, W]; name the size with "
          "--latent-dim");
}

std::shared_ptr<Sampler::Impl> open_native(const Archive& archive,
                                           const std::filesystem::path& path, torch::Device device,
                                           std::optional<std::int64_t> latent_dim,
                                           Weights weights) {
  const GeneratorFile file = load_generator(archive, path, weights);
  const std::int64_t size = file.config.model.latent_dim;
  if (latent_dim && *latent_dim != size) {
    throw failure(fmt::format("its latent size is {}, not {}", size, *latent_dim))
        .in(path)
        .remedy("leave --latent-dim out");
  }
  const auto run = [network = copy_to(file.generator, device),
                    range = file.config.output](const torch::Tensor& latents) {
    return run_network(network, latents, range);
  };
  return std::make_shared<Sampler::Impl>(Sampler::Impl{
      path, device, size, run, file.config, file.classes, file.generator.layers.front().mode_bias});
}

}  // namespace

Sampler::Sampler(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

Sampler Sampler::open(const std::filesystem::path& path, torch::Device device,
                      std::optional<std::int64_t> latent_dim, Weights weights) {
  const torch::NoGradGuard no_grad;
  const std::string bytes = read_file(path);
  const std::optional<Archive> archive = parse_archive(bytes, path);
  if (archive && archive->kind == ArchiveKind::features) {
    throw failure("a feature network, which tells images apart but makes none")
        .in(path)
        .remedy("name a g.pt, a checkpoint or a run directory");
  }
  if (archive) return Sampler(open_native(*archive, path, device, latent_dim, weights));
  return Sampler(open_foreign(bytes, path, device, latent_dim));
}

std::int64_t Sampler::latent_dim() const { return impl_->latent_dim; }

torch::Device Sampler::device() const { return impl_->device; }

const std::optional<Config>& Sampler::config() const { return impl_->config; }

std::int64_t Sampler::mode_count() const {
  return impl_->config ? impl_->config->model.latent_modes : 0;
}

std::int64_t Sampler::class_count() const {
  return impl_->config ? impl_->config->model.classes : 0;
}

const std::vector<std::string>& Sampler::class_names() const { return impl_->class_names; }

torch::Tensor Sampler::modes_of(const torch::Tensor& latents) const {
  return dcgan::modes_of(latents, impl_->config->model.latent_modes, impl_->mode_bias);
}

torch::Tensor Sampler::classes_of(const torch::Tensor& latents) const {
  return dcgan::classes_of(latents, impl_->config->model.latent_modes, class_count(),
                           impl_->mode_bias);
}

torch::Tensor Sampler::choose_classes(const torch::Tensor& latents,
                                      const torch::Tensor& wanted) const {
  return dcgan::choose_classes(latents, impl_->config->model.latent_modes, class_count(), wanted);
}

torch::Tensor Sampler::draw_latents(std::int64_t seed, std::int64_t first,
                                    std::int64_t count) const {
  return normal_rows(seed, Purpose::sample_latents, first, count, latent_dim());
}

torch::Tensor Sampler::generate(const torch::Tensor& latents) const {
  return run_in_batches(latents, [this](const torch::Tensor& batch) {
    const torch::Tensor images = impl_->run(batch.to(impl_->device));
    if (images.isfinite().all().item<bool>()) return images;
    throw failure("it makes images with NaN or infinity, so its weights are broken")
        .in(impl_->path)
        .remedy("use another file");
  });
}

torch::Tensor Sampler::forward(const torch::Tensor& latents) const {
  return impl_->run(latents.to(impl_->device));
}

torch::Tensor generate_images(const Network& generator, const torch::Tensor& latents,
                              OutputRange range) {
  return run_in_batches(
      latents, [&](const torch::Tensor& batch) { return run_network(generator, batch, range); });
}

torch::Tensor to_bytes(const torch::Tensor& images) {
  return images.detach()
      .add(1.0)
      .mul_(127.5)
      .round_()
      .clamp_(0.0, 255.0)
      .to(torch::kUInt8)
      .to(torch::kCPU)
      .contiguous();
}

std::vector<Image> to_images(const torch::Tensor& bytes) {
  const torch::Tensor rows = bytes.permute({0, 2, 3, 1}).contiguous();  // [N, H, W, C]
  const std::int64_t size = rows.size(1) * rows.size(2) * rows.size(3);
  const auto* data = rows.data_ptr<std::uint8_t>();
  std::vector<Image> images;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    Image image{rows.size(1), rows.size(2), rows.size(3), {}};
    image.pixels.assign(data + i * size, data + (i + 1) * size);
    images.push_back(std::move(image));
  }
  return images;
}

torch::Tensor slerp(const torch::Tensor& from, const torch::Tensor& to, std::int64_t steps) {
  const double cosine = std::clamp(
      torch::cosine_similarity(from, to, /*dim=*/0).to(torch::kFloat64).item<double>(), -1.0, 1.0);
  const double angle = std::acos(cosine);
  const double sine = std::sin(angle);
  constexpr double kAlmostParallel = 1e-6;
  if (sine < kAlmostParallel) return lerp(from, to, steps);
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(steps - 1);
    rows.push_back(from * (std::sin((1.0 - t) * angle) / sine) + to * (std::sin(t * angle) / sine));
  }
  return torch::stack(rows);
}

torch::Tensor lerp(const torch::Tensor& from, const torch::Tensor& to, std::int64_t steps) {
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(steps - 1);
    rows.push_back(from * (1.0 - t) + to * t);
  }
  return torch::stack(rows);
}

}  // namespace dcgan
