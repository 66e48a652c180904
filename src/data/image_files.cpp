#include "data/image_files.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "image/fit.h"
#include "sources/image_cache.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// Row i of `taken` out of `count`.
std::int64_t spaced(std::int64_t i, std::int64_t count, std::int64_t taken) {
  return i * count / taken;
}

/// uint8 [N, C, H, W] of images of one size; those of one channel get as many as the others.
torch::Tensor stack(const std::vector<Image>& images) {
  RowFormat format;
  format.height = images.front().height;
  format.width = images.front().width;
  for (const Image& image : images) format.channels = std::max(format.channels, image.channels);
  torch::Tensor rows =
      at::empty({std::ssize(images), format.channels, format.height, format.width}, at::kByte);
  auto* row = rows.data_ptr<std::uint8_t>();
  for (const Image& image : images) {
    write_row(image, format, row);
    row += format.bytes();
  }
  return rows;
}

LoadedImages load_folder(const fs::path& root, std::int64_t max_count, const Color& background) {
  const ImageFolder folder = list_images(root, /*classes=*/false);
  const auto all = static_cast<std::int64_t>(folder.files.size());
  const std::int64_t count = std::min(all, max_count);
  const auto path_of = [&](std::int64_t i) {
    return folder.files[static_cast<std::size_t>(spaced(i, all, count))].path;
  };
  std::vector<Image> read(static_cast<std::size_t>(count));
  std::vector<std::string> problems(read.size());
  std::atomic<std::int64_t> lossy = 0;
  const auto open = [&](std::int64_t i) {
    const auto at = static_cast<std::size_t>(i);
    try {
      const std::string bytes = read_file(root / path_of(i));
      read[at] = composite(decode_image(bytes), background);
      lossy += image_format(bytes) == ImageFormat::jpeg ? 1 : 0;
    } catch (Error& error) {
      problems[at] = error.in("").what();
    }
  };
  for_each_image(count, open, /*progress=*/{});

  std::vector<BadImage> bad;
  std::vector<Image> images;
  std::string first;  // the first that is an image
  for (std::size_t i = 0; i < read.size(); ++i) {
    const std::string path = path_of(static_cast<std::int64_t>(i));
    if (!problems[i].empty()) {
      bad.push_back({path, problems[i]});
      continue;
    }
    if (images.empty()) first = path;
    images.push_back(std::move(read[i]));
    const Image& one = images.front();
    const Image& other = images.back();
    if (one.height != other.height || one.width != other.width) {
      throw failure(fmt::format("is {} x {} pixels, but {} is {} x {}: all must have one size",
                                other.height, other.width, (root / first).string(), one.height,
                                one.width))
          .in(root / path);
    }
  }
  LoadedImages loaded;
  const auto warn = [&](const std::string& text) {
    if (!text.empty()) loaded.warnings.push_back(text);
  };
  warn(judge_bad_images(root.string(), bad, count, /*max_fraction=*/1.0));
  if (const std::string others = describe_others(folder); !others.empty()) {
    warn(fmt::format("{}: other files are left out: {}", root.string(), others));
  }
  if (lossy > 0) {
    warn(fmt::format(
        "{}: {} of {} images are JPEGs: what these lose moves the numbers; save samples as PNG",
        root.string(), format_count(lossy), format_count(std::ssize(images))));
  }
  loaded.images = stack(images);
  return loaded;
}

torch::Tensor load_npy(const fs::path& path, std::int64_t max_count) {
  DataConfig data;
  data.path = path.string();
  const ImageSource source = open_npy(data);
  const std::int64_t taken = std::min(source.size, max_count);
  std::vector<Image> images;
  for (std::int64_t i = 0; i < taken; ++i) {
    images.push_back(source.read(spaced(i, source.size, taken)));
  }
  return stack(images);
}

}  // namespace

LoadedImages load_images(const fs::path& path, std::int64_t max_count, const Color& background) {
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) return load_folder(path, max_count, background);
  if (!fs::exists(path, ignored)) throw failure("no such file or folder").in(path);
  if (lower_case(path.extension().string()) != ".npy") {
    throw failure("is neither a folder of pictures nor a .npy file").in(path);
  }
  return {load_npy(path, max_count), {}};
}

}  // namespace dcgan
