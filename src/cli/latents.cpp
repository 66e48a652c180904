#include "cli/latents.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <utility>

#include "dcgan/error.h"
#include "runtime/torch.h"
#include "sources/arrays.h"

namespace dcgan::cli {

NumberedLatents NumberedLatents::read(const Sampler& sampler, const std::filesystem::path& file) {
  const FloatArray array = read_float_npy(file);
  const std::int64_t width = sampler.latent_dim();
  if (array.sizes.size() != 2 || array.sizes[0] < 1 || array.sizes[1] != width) {
    throw failure(fmt::format("is an array of [{}], but latents of this generator are [N, {}]",
                              fmt::join(array.sizes, ", "), width))
        .in(file)
        .remedy("'dcgan sample --save-latents' writes such a file");
  }
  NumberedLatents latents{sampler};
  latents.given = torch::tensor(array.numbers).view(array.sizes);
  latents.file = file;
  const torch::Tensor bad = latents.given.isfinite().logical_not().any(1).nonzero();
  if (bad.size(0) == 0) return latents;
  throw failure(fmt::format("holds NaN or infinity, first in row {}; latents of this generator are "
                            "[N, {}], finite",
                            bad[0].item<std::int64_t>(), width))
      .in(file);
}

torch::Tensor NumberedLatents::rows(std::int64_t first, std::int64_t count) const {
  return given.defined() ? given.narrow(0, first, count).clone()
                         : sampler.draw_latents(seed, first, count);
}

torch::Tensor NumberedLatents::select(const std::string& flag,
                                      const std::vector<std::int64_t>& numbers) const {
  std::vector<torch::Tensor> selected;
  for (const std::int64_t number : numbers) {
    if (given.defined() && number >= given.size(0)) {
      throw usage_error(fmt::format("{} has no row {}: it holds {}, from 0 on", file.string(),
                                    number, given.size(0)))
          .in(flag);
    }
    selected.push_back(rows(number, 1));
  }
  return torch::cat(selected);
}

void write_latents(const std::filesystem::path& file, const torch::Tensor& latents) {
  constexpr double kFarBelow = -100;
  const torch::Tensor finite =
      latents.masked_fill(latents.isinf(), kFarBelow).to(torch::kFloat32).contiguous();
  write_npy(file, finite.sizes().vec(),
            {static_cast<const char*>(finite.data_ptr()), finite.nbytes()}, "<f4");
}

}  // namespace dcgan::cli
