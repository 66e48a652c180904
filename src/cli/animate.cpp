#include "cli/animate.h"

#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <vector>

#include "base/file.h"
#include "image/animation.h"
#include "image/decode.h"
#include "sources/output_file.h"

namespace dcgan::cli {
namespace {

namespace fs = std::filesystem;

constexpr DecodeOptions kAnyGrid{.max_pixels = kMaxImageBytes};  ///< that a run can write

/// samples/NNNNNN.png by their steps. Throws `failure` where there are fewer than two.
std::vector<fs::path> find_grids(const fs::path& run) {
  require_folder(run, "name the directory of a run");
  const fs::path folder = run / "samples";
  if (!fs::is_directory(folder)) {
    throw failure("is no run: there is no folder samples in it")
        .in(run)
        .remedy("name the directory of a run");
  }
  const auto found = numbered_files(folder, ".png");
  if (found.size() < 2) {
    throw failure(found.empty() ? "holds no sample grid" : "holds one sample grid alone")
        .in(folder)
        .remedy("train on, or with a smaller train.sample_every");
  }
  std::vector<fs::path> grids;
  grids.reserve(found.size());
  for (const auto& [step, path] : found) grids.push_back(path);
  return grids;
}

/// The grid in `path`, which must be as `first`, the one in `first_path`.
Image read_grid(const fs::path& path, const Image& first, const fs::path& first_path) {
  Image grid = read_image(path, kAnyGrid);
  if (grid.height == first.height && grid.width == first.width && grid.channels == first.channels) {
    return grid;
  }
  throw failure(fmt::format("is {} x {} pixels with {} channel(s), while {} is {} x {} with {}",
                            grid.width, grid.height, grid.channels, first_path.string(),
                            first.width, first.height, first.channels))
      .in(path)
      .remedy("move the grids of one kind to another folder");
}

}  // namespace

int Animate::run_in_front() const {
  const std::vector<fs::path> grids = find_grids(run);
  require_folder_of(out);
  const fs::path config = fs::path(run) / "config.yaml";
  if (fs::exists(config)) {
    keep_out_of_pictures("--out", out, out, resolve_config(config, {}).config.data);
  }
  constexpr int kLastLonger = 2000;
  const Image first = read_image(grids.front(), kAnyGrid);
  Animation animation;
  animation.count = static_cast<std::int64_t>(grids.size());
  animation.milliseconds = static_cast<int>(milliseconds);
  animation.last_milliseconds = animation.milliseconds + kLastLonger;
  animation.frame = [&](std::int64_t i) {
    return read_grid(grids[static_cast<std::size_t>(i)], first, grids.front());
  };
  write_animation(out, animation);
  std::cout << fmt::format("{}: {} frames, {} x {} pixels\n", out, animation.count, first.width,
                           first.height);
  return 0;
}

}  // namespace dcgan::cli
