#include "gan/translate.h"

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

}  // namespace

Translations draw_translations(std::int64_t seed, std::int64_t first, std::int64_t count,
                               std::int64_t limit) {
  // In [0, 1), for each image three times down and right.
  const torch::Tensor numbers =
      (uniform_rows(seed, Purpose::translation, first, count, 6).view({count, 3, 2}) + 1) / 2;
  const torch::Tensor shifts =
      ((numbers * static_cast<double>(2 * limit + 1)).floor().to(torch::kInt64) - limit);
  return {shifts.select(1, 0), shifts.select(1, 1), shifts.select(1, 2)};
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
  // A direction at a time: a pixel then shows up twice at most, and two gradients have one sum in
  // whatever order a GPU adds them.
  const auto along = [](const torch::Tensor& x, std::int64_t dim, const torch::Tensor& index) {
    return x.gather(dim, index.unsqueeze(1).unsqueeze(5 - dim).expand_as(x));
  };
  const torch::Tensor shifted = along(along(images, 2, rows.index), 3, columns.index);
  if (!fill.defined()) return shifted;
  const torch::Tensor inside =
      rows.inside.unsqueeze(2).logical_and(columns.inside.unsqueeze(1)).unsqueeze(1);
  return torch::where(inside, shifted, fill.to(shifted.scalar_type()));
}

}  // namespace dcgan
