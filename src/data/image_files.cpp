#include "data/image_files.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <vector>

#include "base/text.h"
#include "dcgan/error.h"
#include "dcgan/image.h"
#include "sources/npy.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

bool has_ending(const fs::path& path, std::string_view ending) {
  return lower_case(path.extension().string()) == ending;
}

/// Row i of `taken` out of `count`.
std::size_t spaced(std::size_t i, std::size_t count, std::size_t taken) {
  return i * count / taken;
}

std::vector<fs::path> list_pngs(const fs::path& folder, std::int64_t most) {
  std::vector<fs::path> all;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->path().filename().native().starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (has_ending(entry->path(), ".png") && entry->is_regular_file(ignored)) {
      all.push_back(entry->path());
    }
  }
  if (error) {
    throw failure(fmt::format("{}: not all of this folder can be read: {}", folder.string(),
                              error.message()));
  }
  if (all.empty()) {
    throw failure(fmt::format("{}: no PNG file in this folder or below it", folder.string()));
  }
  std::sort(all.begin(), all.end());
  const std::size_t taken = std::min(all.size(), static_cast<std::size_t>(most));
  std::vector<fs::path> files;
  for (std::size_t i = 0; i < taken; ++i) files.push_back(all[spaced(i, all.size(), taken)]);
  return files;
}

std::string size_of(const Image& image) {
  return fmt::format("{} x {}", image.height, image.width);
}

/// [C, H, W]
torch::Tensor planes(const Image& image) {
  torch::Tensor pixels = at::empty({image.height, image.width, image.channels}, at::kByte);
  std::memcpy(pixels.data_ptr<std::uint8_t>(), image.pixels.data(), image.pixels.size());
  return pixels.permute({2, 0, 1}).contiguous();
}

torch::Tensor load_folder(const fs::path& folder, std::int64_t most, const Color& background) {
  const std::vector<fs::path> files = list_pngs(folder, most);
  std::vector<torch::Tensor> images;
  std::string first_size;
  std::int64_t channels = 1;
  for (const fs::path& file : files) {
    const Image image = read_png(file, background);
    if (first_size.empty()) first_size = size_of(image);
    if (size_of(image) != first_size) {
      throw failure(fmt::format("{} is {} pixels, but {} is {}; all must have one size",
                                file.string(), size_of(image), files.front().string(), first_size));
    }
    channels = std::max(channels, image.channels);
    images.push_back(planes(image));
  }
  for (torch::Tensor& image : images) image = image.expand({channels, -1, -1});
  return at::stack(images);
}

torch::Tensor load_npy(const fs::path& path, std::int64_t most) {
  NpyArray array = read_npy(path);
  std::vector<std::int64_t>& sizes = array.sizes;
  if (sizes.size() == 3) sizes.push_back(1);
  if (sizes.size() != 4 || (sizes[3] != 1 && sizes[3] != 3)) {
    throw failure(fmt::format(
        "{}: has the shape ({}), but images have (N, height, width), (N, height, width, 1) or "
        "(N, height, width, 3)",
        path.string(), fmt::join(array.sizes, ", ")));
  }
  if (array.bytes.empty()) throw failure(fmt::format("{}: holds no images", path.string()));
  const std::int64_t count = sizes[0];
  const auto taken = static_cast<std::size_t>(std::min(count, most));
  const std::size_t size = array.bytes.size() / static_cast<std::size_t>(count);
  torch::Tensor pixels =
      at::empty({static_cast<std::int64_t>(taken), sizes[1], sizes[2], sizes[3]}, at::kByte);
  for (std::size_t i = 0; i < taken; ++i) {
    const std::size_t row = spaced(i, static_cast<std::size_t>(count), taken);
    std::memcpy(pixels.data_ptr<std::uint8_t>() + i * size, array.bytes.data() + row * size, size);
  }
  return pixels.permute({0, 3, 1, 2}).contiguous();
}

}  // namespace

torch::Tensor load_images(const fs::path& path, std::int64_t most, const Color& background) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return load_folder(path, most, background);
  if (!fs::exists(path, ignored)) {
    throw failure(fmt::format("{}: no such file or folder", path.string()));
  }
  if (!has_ending(path, ".npy")) {
    throw failure(fmt::format("{}: is neither a folder of PNGs nor a .npy file", path.string()));
  }
  return load_npy(path, most);
}

}  // namespace dcgan
