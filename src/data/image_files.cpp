#include "data/image_files.h"

#include <ATen/ATen.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "image/fit.h"
#include "sources/image_cache.h"
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

/// At most `most` of them.
std::vector<ImageFile> choose_files(const ImageFolder& folder, std::int64_t most) {
  const std::size_t count = folder.files.size();
  const std::size_t taken = std::min(count, static_cast<std::size_t>(most));
  std::vector<ImageFile> files;
  for (std::size_t i = 0; i < taken; ++i) files.push_back(folder.files[spaced(i, count, taken)]);
  return files;
}

/// What became of a file: an image, or a problem.
struct Opened {
  Image image;
  bool lossy = false;
  std::string problem;
};

bool is_lossy(std::string_view bytes) {
  constexpr std::string_view kLossless = "VP8L";  // the chunk of a WebP that loses nothing
  const ImageFormat format = image_format(bytes);
  return format == ImageFormat::jpeg ||
         (format == ImageFormat::webp && bytes.find(kLossless) == std::string_view::npos);
}

Opened open_file(const fs::path& path, const Color& background) {
  Opened opened;
  try {
    const std::string bytes = read_file(path);
    opened.lossy = is_lossy(bytes);
    opened.image = composite(decode_image(bytes), background);
  } catch (const Error& error) {
    opened.problem = without_name(error.what(), path);
  }
  return opened;
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

/// The images that there are; all must have one size.
torch::Tensor stack_images(const std::vector<ImageFile>& files, const std::vector<Opened>& opened,
                           const fs::path& root) {
  const ImageFile* first = nullptr;
  std::string first_size;
  std::int64_t channels = 1;
  std::vector<torch::Tensor> images;
  for (std::size_t i = 0; i < files.size(); ++i) {
    if (!opened[i].problem.empty()) continue;
    const Image& image = opened[i].image;
    if (first == nullptr) {
      first = &files[i];
      first_size = size_of(image);
    }
    if (size_of(image) != first_size) {
      throw failure(fmt::format("{} is {} pixels, but {} is {}; all must have one size",
                                printable_path((root / files[i].path).string()), size_of(image),
                                printable_path((root / first->path).string()), first_size));
    }
    channels = std::max(channels, image.channels);
    images.push_back(planes(image));
  }
  for (torch::Tensor& image : images) image = image.expand({channels, -1, -1});
  return at::stack(images);
}

LoadedImages load_folder(const fs::path& root, std::int64_t most, const Color& background) {
  const ImageFolder folder = list_images(root, /*classes=*/false);
  const std::vector<ImageFile> files = choose_files(folder, most);
  std::vector<Opened> opened(files.size());
  const auto count = static_cast<std::int64_t>(files.size());
  const auto open = [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    opened[at] = open_file(root / files[at].path, background);
  };
  for_each_image(count, open, /*progress=*/{});

  std::vector<BadImage> bad;
  std::int64_t bad_count = 0;
  std::int64_t lossy = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool is_bad = !opened[i].problem.empty();
    bad_count += is_bad ? 1 : 0;
    lossy += opened[i].lossy && !is_bad ? 1 : 0;
    if (is_bad && bad.size() < kMostNamed) bad.push_back({files[i].path, opened[i].problem});
  }
  LoadedImages loaded;
  const auto warn = [&](const std::string& text) {
    if (!text.empty()) loaded.warnings.push_back(text);
  };
  warn(judge_bad_images(root.string(), bad, bad_count, count, /*most=*/1.0));
  if (const std::string others = describe_others(folder); !others.empty()) {
    warn(fmt::format("{}: other files are left out: {}", root.string(), others));
  }
  if (lossy > 0) {
    warn(fmt::format(
        "{}: {} of {} images are JPEGs or lossy WebPs: what these lose moves the numbers; save "
        "samples as PNG",
        root.string(), format_count(lossy), format_count(count - bad_count)));
  }
  loaded.images = stack_images(files, opened, root);
  return loaded;
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

LoadedImages load_images(const fs::path& path, std::int64_t most, const Color& background) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return load_folder(path, most, background);
  if (!fs::exists(path, ignored)) {
    throw failure(fmt::format("{}: no such file or folder", path.string()));
  }
  if (!has_ending(path, ".npy")) {
    throw failure(
        fmt::format("{}: is neither a folder of pictures nor a .npy file", path.string()));
  }
  return {load_npy(path, most), {}};
}

}  // namespace dcgan
