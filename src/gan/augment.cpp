#include "gan/augment.h"

#include <vector>

#include "image/fit.h"
#include "runtime/random.h"
#include "runtime/torch.h"

namespace dcgan {
namespace {

/// For each position of a shifted row or column, the position that it shows.
struct Source {
  torch::Tensor index;   ///< int64 [B, size]: mirrored at the borders
  torch::Tensor inside;  ///< bool [B, size]: not from beyond a border
};

Source source_of(const torch::Tensor& shifts, std::int64_t size) {
  const torch::Tensor wanted = torch::arange(size, shifts.options()) - shifts.unsqueeze(1);
  const std::int64_t last = size - 1;
  return {last - (last - wanted.abs()).abs(), (wanted >= 0).logical_and(wanted <= last)};
}

/// Pixels of a side of `size` that cutout takes.
std::int64_t cut_size(std::int64_t size, double share) {
  return static_cast<std::int64_t>(static_cast<double>(size) * share + 0.5);
}

/// Whole numbers of 0 to `count` - 1 from `numbers` in [0, 1).
torch::Tensor below(const torch::Tensor& numbers, std::int64_t count) {
  return (numbers * static_cast<double>(count)).floor().to(torch::kInt64);
}

/// bool [B, size]: which positions of a side are within the cut around `centres` [B].
torch::Tensor within_cut(const torch::Tensor& centres, std::int64_t size, double share) {
  const std::int64_t cut = cut_size(size, share);
  const torch::Tensor from_first =
      torch::arange(size, centres.options()) - (centres - cut / 2).unsqueeze(1);
  return (from_first >= 0).logical_and(from_first < cut);
}

/// D's first convolution has stride 2. Under shifts of one pixel it would see a pattern of two
/// pixels in either phase, and leave it to the generator.
constexpr std::int64_t kShiftStep = 2;

/// Numbers [B, n] as one of each image [B, 1, 1, 1].
torch::Tensor column(const torch::Tensor& numbers, std::int64_t i) {
  return numbers.select(1, i).view({-1, 1, 1, 1});
}

}  // namespace

Augmentation augmentation_of(const Config& config) {
  const double half_range = config.output == OutputRange::tanh ? 1.0 : 0.5;
  return {.color_jitter = config.train.color_jitter,
          .translation = config.train.translation,
          .cutout = config.train.cutout,
          .noise = config.train.instance_noise * half_range,
          .adaptive = config.train.augment_target > 0,
          .half_range = half_range,
          .border_fill = border_fill(config)};
}

StepDraws draw_augmentations(const Augmentation& augmentation, std::int64_t seed,
                             std::int64_t first, at::IntArrayRef sizes, double noise_share,
                             torch::Device device) {
  const double noise = augmentation.noise * noise_share;
  const std::int64_t count = sizes[0];
  // `width` numbers for each image and pass, each [B, 3, width].
  const auto uniform = [&](Purpose purpose, std::int64_t width) {  // in [0, 1)
    return (uniform_rows(seed, purpose, first, count, 3 * width).view({count, 3, width}) + 1) / 2;
  };
  torch::Tensor shifts;
  if (augmentation.translation > 0) {
    const std::int64_t farthest = augmentation.translation / kShiftStep;
    shifts = (below(uniform(Purpose::translation, 2), 2 * farthest + 1) - farthest) * kShiftStep;
  }
  torch::Tensor numbers;
  if (augmentation.color_jitter > 0 || augmentation.cutout > 0 || augmentation.adaptive) {
    numbers = uniform(Purpose::augmentation, 8);
  }
  torch::Tensor added;
  if (noise > 0) {
    const std::int64_t pixels = sizes[1] * sizes[2] * sizes[3];
    added = normal_rows(seed, Purpose::instance_noise, first, count, 3 * pixels, device)
                .mul_(noise)
                .view({count, 3, sizes[1], sizes[2], sizes[3]});
  }
  const auto centre = [&](const torch::Tensor& drawn, std::int64_t size) {  // as Zhao et al.
    return below(drawn, size + 1 - cut_size(size, augmentation.cutout) % 2);
  };
  const auto of_pass = [&](std::int64_t pass) {
    AugmentDraws draws;
    if (shifts.defined()) draws.shifts = shifts.select(1, pass);
    if (added.defined()) draws.noise = added.select(1, pass);
    if (!numbers.defined()) return draws;
    const torch::Tensor mine = numbers.select(1, pass);  // [B, 8]
    if (augmentation.color_jitter > 0) draws.color = mine.narrow(1, 0, 3) * 2 - 1;
    if (augmentation.cutout > 0) {
      draws.centres = torch::stack(
          {centre(mine.select(1, 3), sizes[2]), centre(mine.select(1, 4), sizes[3])}, 1);
    }
    if (augmentation.adaptive) draws.thresholds = mine.narrow(1, 5, 3);
    return draws;
  };
  return {of_pass(0), of_pass(1), of_pass(2)};
}

torch::Tensor augment(const torch::Tensor& images, const Augmentation& augmentation,
                      const AugmentDraws& draws, const torch::Tensor& probability) {
  torch::Tensor x = images;
  torch::Tensor apply;  // bool [B, 3]
  if (draws.thresholds.defined()) apply = draws.thresholds < probability;
  if (draws.color.defined()) {
    const torch::Tensor color = apply.defined() ? draws.color * apply.narrow(1, 0, 1) : draws.color;
    x = jitter_color(x, color, augmentation.color_jitter, augmentation.half_range);
  }
  if (draws.shifts.defined()) {
    const torch::Tensor shifts =
        apply.defined() ? draws.shifts * apply.narrow(1, 1, 1) : draws.shifts;
    x = translate(x, shifts, augmentation.border_fill);
  }
  if (draws.centres.defined()) {
    x = cut_out(x, draws.centres, augmentation.cutout, augmentation.half_range,
                apply.defined() ? apply.select(1, 2) : torch::Tensor());
  }
  return draws.noise.defined() ? x + draws.noise.to(x.scalar_type()) : x;
}

torch::Tensor border_fill(const Config& config) {
  if (config.data.fit != ImageFit::pad) return {};
  const Image transparent{1, 1, 4, {0, 0, 0, 0}};
  const Image pixel = fit_image(transparent, {.height = 1,
                                              .width = 1,
                                              .channels = config.data.channels,
                                              .background = config.data.background});
  const torch::Tensor bytes = torch::tensor(pixel.pixels, torch::kFloat32);
  return (config.output == OutputRange::tanh ? bytes / 127.5 - 1 : bytes / 255).view({1, -1, 1, 1});
}

torch::Tensor translate(const torch::Tensor& images, const torch::Tensor& shifts,
                        const torch::Tensor& fill) {
  TORCH_CHECK(shifts.size(0) == images.size(0), "each image needs a shift of its own");
  const Source rows = source_of(shifts.select(1, 0), images.size(2));
  const Source columns = source_of(shifts.select(1, 1), images.size(3));
  if (!fill.defined()) {
    // A direction at a time: a pixel then shows up twice at most, and two gradients have one sum in
    // whatever order a GPU adds them.
    const auto along = [](const torch::Tensor& x, std::int64_t dim, const torch::Tensor& index) {
      return x.gather(dim, index.unsqueeze(1).unsqueeze(5 - dim).expand_as(x));
    };
    return along(along(images, 2, rows.index), 3, columns.index);
  }
  // Here all but one of a pixel's gradients are 0.
  const torch::Tensor index =
      rows.index.unsqueeze(2) * images.size(3) + columns.index.unsqueeze(1);  // [B, H, W]
  const torch::Tensor pixels = images.flatten(2);
  const torch::Tensor shifted =
      pixels.gather(2, index.view({-1, 1, pixels.size(2)}).expand_as(pixels));
  const torch::Tensor inside =
      rows.inside.unsqueeze(2).logical_and(columns.inside.unsqueeze(1)).unsqueeze(1);
  return torch::where(inside, shifted.view_as(images), fill.to(shifted.scalar_type()));
}

torch::Tensor jitter_color(const torch::Tensor& images, const torch::Tensor& color, double strength,
                           double half_range) {
  // All three at once: each is a sum of the pixel, its grey, the image's mean, and a constant.
  const torch::Tensor strengths = color.to(images.scalar_type()) * strength;
  const torch::Tensor contrast = column(strengths, 2) / 2 + 1;
  const torch::Tensor grey = images.mean(1, /*keepdim=*/true);
  const torch::Tensor mean = grey.mean(std::vector<std::int64_t>{1, 2, 3}, /*keepdim=*/true);
  const torch::Tensor constant = mean * (1 - contrast) + column(strengths, 0) * (half_range / 2);
  if (images.size(1) == 1) return torch::addcmul(constant, images, contrast);
  const torch::Tensor saturation = column(strengths, 1) + 1;
  return torch::addcmul(grey * (contrast * (1 - saturation)) + constant, images,
                        contrast * saturation);
}

torch::Tensor cut_out(const torch::Tensor& images, const torch::Tensor& centres, double share,
                      double half_range, const torch::Tensor& apply) {
  const torch::Tensor rows = within_cut(centres.select(1, 0), images.size(2), share);
  const torch::Tensor columns = within_cut(centres.select(1, 1), images.size(3), share);
  torch::Tensor cut = rows.unsqueeze(2).logical_and(columns.unsqueeze(1)).unsqueeze(1);
  if (apply.defined()) cut = cut.logical_and(apply.view({-1, 1, 1, 1}));
  return images.masked_fill(cut, 1 - half_range);  // the range's upper end is 1
}

}  // namespace dcgan
