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

bool are_images(const torch::Tensor& out, std::int64_t count) {
  return out.defined() && out.dim() == 4 && out.size(0) == count &&
         (out.size(1) == 1 || out.size(1) == 3) && out.size(2) > 0 && out.size(3) > 0 &&
         out.is_floating_point();
}

/// A module's images, as they are; undefined where it fails or makes none.
torch::Tensor images_of(ForeignModule foreign, const torch::Tensor& latents) {
  try {
    const torch::Tensor images = foreign.module.forward({latents.to(foreign.type)}).toTensor();
    if (are_images(images, latents.size(0))) return images.to(torch::kFloat32);
  } catch (const std::exception&) {  // LibTorch's own words: a backtrace
  }
  return {};
}

/// Sizes that the latent may have, the likeliest first.
std::vector<std::int64_t> guess_latent_sizes(const torch::jit::Module& module) {
  std::vector<std::int64_t> sizes;
  for (const char* name : {"latent_dim", "nz", "z_dim"}) {
    if (module.hasattr(name) && module.attr(name).isInt())
      sizes.push_back(module.attr(name).toInt());
  }
  for (const auto& parameter : module.named_parameters(/*recurse=*/true)) {
    if (parameter.value.dim() < 2) continue;
    // [in, out, kh, kw] of a transposed convolution, [out, in] of a linear layer.
    sizes.push_back(parameter.value.size(parameter.value.dim() == 2 ? 1 : 0));
    break;
  }
  return sizes;
}

/// A generator of somebody else for latents [N, size], or [N, size, 1, 1]; nothing where no images
/// come out.
std::unique_ptr<Sampler::Impl> try_latent(const ForeignModule& foreign,
                                          const std::filesystem::path& path, torch::Device device,
                                          std::int64_t size, bool as_image) {
  const auto run = [=](const torch::Tensor& latents) {
    return images_of(foreign, as_image ? latents.view({latents.size(0), size, 1, 1}) : latents);
  };
  const torch::Tensor images =
      run(normal_rows(0, Purpose::sample_latents, 0, kBatch, size).to(device));
  if (!images.defined()) return nullptr;
  constexpr double kTooLarge = 2.0;
  if (images.abs().max().item<double>() > kTooLarge) {
    throw failure("its images are neither in [-1, 1] nor in [0, 1]")
        .in(path)
        .remedy("scale its output");
  }
  // Pictures in [-1, 1] without one dark pixel do not happen; [0, 1] it is, then.
  const bool unit_range = images.min().item<double>() >= 0.0;
  const auto run_checked = [=](const torch::Tensor& latents) {
    const torch::Tensor out = run(latents);
    if (out.defined()) return unit_range ? out * 2.0 - 1.0 : out;
    throw failure(fmt::format("it fails, or makes no images, for {} latents of size {}",
                              latents.size(0), size))
        .in(path)
        .remedy(fmt::format("it must map [N, {}] to [N, 1 or 3, H, W] for any N", size));
  };
  return std::make_unique<Sampler::Impl>(Sampler::Impl{path, device, size, run_checked});
}

std::unique_ptr<Sampler::Impl> open_foreign(const std::string& bytes,
                                            const std::filesystem::path& path, torch::Device device,
                                            std::optional<std::int64_t> latent_dim) {
  const ForeignModule foreign = load_foreign_module(bytes, device);
  const std::vector<std::int64_t> sizes =
      latent_dim ? std::vector<std::int64_t>{*latent_dim} : guess_latent_sizes(foreign.module);
  for (const std::int64_t size : sizes) {
    for (const bool as_image : {false, true}) {
      if (auto generator = try_latent(foreign, path, device, size, as_image)) return generator;
    }
  }
  if (latent_dim) {
    throw failure(
        fmt::format("a TorchScript that makes no images from latents of size {}", *latent_dim))
        .in(path)
        .remedy(fmt::format("check --latent-dim, and that it maps [N, {}] to [N, 1 or 3, H, W]",
                            *latent_dim));
  }
  throw failure("a TorchScript that is no generator, or one whose latent size can't be found")
      .in(path)
      .remedy(
          "a generator maps [N, latent size] to [N, 1 or 3, H, W]; name the size with "
          "--latent-dim");
}

std::unique_ptr<Sampler::Impl> open_native(const Archive& archive,
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
  return std::make_unique<Sampler::Impl>(Sampler::Impl{
      path, device, size, run, file.config, file.classes, file.generator.layers.front().mode_bias});
}

}  // namespace

Sampler::Sampler(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Sampler::Sampler(Sampler&&) noexcept = default;
Sampler& Sampler::operator=(Sampler&&) noexcept = default;
Sampler::~Sampler() = default;

Sampler Sampler::open(const std::filesystem::path& path, torch::Device device,
                      std::optional<std::int64_t> latent_dim, Weights weights) {
  const torch::NoGradGuard no_grad;
  const std::string bytes = read_file(path);
  const std::optional<ArchiveKind> kind = identify(bytes, path);
  if (kind == ArchiveKind::features) {
    throw failure("a feature network, which tells images apart but makes none")
        .in(path)
        .remedy("name a g.pt, a checkpoint or a run directory");
  }
  if (kind) {
    return Sampler(
        open_native(parse_archive(bytes, path, *kind), path, device, latent_dim, weights));
  }
  if (weights == Weights::raw) {
    throw failure("no checkpoint of dcgan, so it has one set of weights only")
        .in(path)
        .remedy("leave --raw out");
  }
  return Sampler(open_foreign(bytes, path, device, latent_dim));
}

std::int64_t Sampler::latent_dim() const { return impl_->latent_dim; }

const std::optional<Config>& Sampler::config() const { return impl_->config; }

std::int64_t Sampler::class_count() const {
  return impl_->config ? impl_->config->model.classes : 0;
}

const std::vector<std::string>& Sampler::class_names() const { return impl_->class_names; }

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
  std::vector<torch::Tensor> rows;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double t = static_cast<double>(i) / static_cast<double>(steps - 1);
    rows.push_back(sine < kAlmostParallel ? from * (1.0 - t) + to * t
                                          : from * (std::sin((1.0 - t) * angle) / sine) +
                                                to * (std::sin(t * angle) / sine));
  }
  return torch::stack(rows);
}

}  // namespace dcgan
