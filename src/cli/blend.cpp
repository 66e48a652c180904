#include "cli/blend.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>

#include "base/launcher.h"
#include "cli/latents.h"
#include "generate/generator_file.h"
#include "image/draw.h"
#include "runtime/device.h"
#include "runtime/random.h"
#include "runtime/torch.h"
#include "sources/output_file.h"

namespace dcgan::cli {
namespace {

struct Group {
  double sign = 1;
  torch::Tensor latents;  ///< [N, latent_dim]
  torch::Tensor mean;     ///< [latent_dim]; of the first image's mode
};

/// `latent` with the mode of `other`.
torch::Tensor in_mode_of(const torch::Tensor& other, const torch::Tensor& latent,
                         std::int64_t modes) {
  return torch::cat({other.slice(0, 0, modes), latent.slice(0, modes)});
}

/// The first --plus, then what is subtracted from it, then what is added.
std::vector<Group> find_groups(const Blend& options, const NumberedLatents& source,
                               std::int64_t modes) {
  std::vector<Group> groups;
  const auto add = [&](double sign, const char* flag, const std::vector<std::int64_t>& numbers) {
    const torch::Tensor latents = source.select(flag, numbers);
    groups.push_back({sign, latents, in_mode_of(latents[0], latents.mean(0), modes)});
  };
  add(1, "--plus", options.plus.front());
  for (const auto& numbers : options.minus) add(-1, "--minus", numbers);
  for (std::size_t i = 1; i < options.plus.size(); ++i) add(1, "--plus", options.plus[i]);
  return groups;
}

/// [9, latent_dim]: the sum, then that with noise uniform in [-0.25, 0.25).
torch::Tensor find_results(const std::vector<Group>& groups, std::int64_t modes,
                           std::int64_t seed) {
  constexpr double kNoise = 0.25;
  constexpr std::int64_t kNeighbours = 8;
  torch::Tensor sum = torch::zeros_like(groups.front().mean);
  torch::Tensor last_added;
  for (const Group& group : groups) {
    sum += group.sign * group.mean;
    if (group.sign > 0) last_added = group.mean;
  }
  sum = in_mode_of(last_added, sum, modes);
  torch::Tensor noise =
      kNoise * uniform_rows(seed, Purpose::blend_noise, 0, kNeighbours, sum.size(0));
  noise.slice(1, 0, modes).zero_();
  return torch::cat({sum.unsqueeze(0), sum + noise});
}

/// A column a group, its images above its mean, and a sign behind it; then the results.
Image draw_picture(const Sampler& sampler, const std::vector<Group>& groups,
                   const torch::Tensor& results) {
  constexpr std::int64_t kPadding = 2;
  constexpr std::int64_t kAboveMeans = 6;
  constexpr std::int64_t kBesideSigns = 6;
  std::vector<Image> nine = to_images(sampler.generate(results));
  std::rotate(nine.begin(), nine.begin() + 1, nine.begin() + 5);  // the result in the centre
  const Image right = make_grid(nine, {.columns = 3, .padding = kPadding});
  const Image& cell = nine.front();
  const std::int64_t pitch = cell.height + kPadding;
  std::int64_t most = 0;
  for (const Group& group : groups) most = std::max(most, group.latents.size(0));
  const std::int64_t scale = std::max<std::int64_t>(1, cell.height / 28);
  const std::int64_t step =
      cell.width + draw_text("+", cell.channels, scale).width + 2 * kBesideSigns;
  const auto columns = static_cast<std::int64_t>(groups.size());
  Image sheet = blank(std::max((most + 1) * pitch + kAboveMeans + kPadding, right.height),
                      kPadding + columns * step + right.width, cell.channels, 0);
  const std::int64_t mean_top = sheet.height - pitch;
  for (std::int64_t i = 0; i < columns; ++i) {
    const Group& group = groups[static_cast<std::size_t>(i)];
    const std::int64_t left = kPadding + i * step;
    const auto images = to_images(sampler.generate(group.latents));
    std::int64_t top = mean_top - kAboveMeans - group.latents.size(0) * pitch;
    for (const Image& image : images) {
      paste(sheet, image, top, left);
      top += pitch;
    }
    paste(sheet, to_images(sampler.generate(group.mean.unsqueeze(0))).front(), mean_top, left);
    const bool is_last = i + 1 == columns;
    const bool adds = !is_last && groups[static_cast<std::size_t>(i) + 1].sign > 0;
    const Image sign = draw_text(is_last ? "=" : adds ? "+" : "-", cell.channels, scale);
    paste(sheet, sign, mean_top + (cell.height - sign.height) / 2,
          left + cell.width + kBesideSigns);
  }
  paste(sheet, right, sheet.height - right.height, kPadding + columns * step);
  return sheet;
}

}  // namespace

int Blend::run() const {
  if (read_launch().rank > 0) return 0;  // one process does it
  require_folder_of(out);
  if (latents_to) require_folder_of(*latents_to);
  const Machine machine = prepare_machine(device, threads);
  if (!machine.warning.empty()) std::cerr << "warning: " << machine.warning << '\n';
  const Sampler sampler = Sampler::open(find_generator_file(checkpoint), machine.device);
  if (sampler.config()) keep_out_of_pictures("--out", out, out, sampler.config()->data);
  const NumberedLatents source =
      latents ? NumberedLatents::read(sampler, *latents) : NumberedLatents{sampler, seed};
  const std::int64_t modes = sampler.mode_count();
  const std::vector<Group> groups = find_groups(*this, source, modes);
  const torch::Tensor results = find_results(groups, modes, seed);
  if (latents_to) write_latents(*latents_to, results);
  const Image picture = draw_picture(sampler, groups, results);
  write_png(out, picture);
  std::cout << fmt::format("{}: {} group{}, {} x {} pixels\n", out, groups.size(),
                           groups.size() == 1 ? "" : "s", picture.width, picture.height);
  return 0;
}

}  // namespace dcgan::cli
