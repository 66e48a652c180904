#include "dcgan/data/dataset.h"

#include <ATen/ATen.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "dcgan/base/error.h"
#include "dcgan/base/text.h"
#include "dcgan/data/idx.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kRemedy =
    "point data.path or --data at the folder with the data (data/README.md says how to get them)";

/// The ways in which a file of MNIST is spelled; the first one found is taken.
std::array<std::string, 4> spellings(const std::string& stem, const std::string& ending) {
  const std::string dashed = stem + "-" + ending;
  const std::string dotted = stem + "." + ending;
  return {dashed, dashed + ".gz", dotted, dotted + ".gz"};
}

/// Finds a file under one of its spellings, or throws with all of them.
fs::path find_file(const fs::path& folder, const std::string& stem, const std::string& ending) {
  std::string tried;
  for (const std::string& name : spellings(stem, ending)) {
    std::error_code ignored;
    if (fs::exists(folder / name, ignored)) return folder / name;
    tried += (tried.empty() ? "" : ", ") + name;
  }
  throw failure(folder.string() + ": no " + stem + " file; looked for " + tried + "\n" +
                std::string(kRemedy));
}

void require_folder(const fs::path& folder) {
  std::error_code error;
  const fs::file_status status = fs::status(folder, error);
  if (fs::is_directory(status)) return;
  const std::string what = fs::exists(status)                          ? "is not a folder"
                           : status.type() == fs::file_type::not_found ? "no such folder"
                                                                       : error.message();
  throw failure(folder.string() + ": " + what + "; " + std::string(kRemedy));
}

IdxArray read_images(const fs::path& file) {
  IdxArray images = read_idx(file);
  if (images.sizes.size() == 1) {
    throw failure(file.string() + ": looks like labels, not images; were the two files mixed up?");
  }
  if (images.sizes.size() != 3) {
    throw failure(file.string() + ": has " + std::to_string(images.sizes.size()) +
                  " dimensions, but images have 3 (count, height, width); " + std::string(kRemedy));
  }
  if (images.bytes.empty()) {
    throw failure(file.string() + ": holds no images; " + std::string(kRemedy));
  }
  return images;
}

IdxArray read_labels(const fs::path& file) {
  IdxArray labels = read_idx(file);
  if (labels.sizes.size() == 3) {
    throw failure(file.string() + ": looks like images, not labels; were the two files mixed up?");
  }
  if (labels.sizes.size() != 1) {
    throw failure(file.string() + ": has " + std::to_string(labels.sizes.size()) +
                  " dimensions, but labels have 1 (count); " + std::string(kRemedy));
  }
  return labels;
}

/// A set's file of labels, told by the CRC-32 of its content behind the header.
struct KnownLabels {
  std::uint32_t crc;
  std::string_view set;
};

// Computed by Python's zlib from the published files (data/README.md; for Fashion-MNIST those of
// Xiao, Rasul, Vollgraf, 2017): train, then test.
constexpr std::array<KnownLabels, 4> kKnownLabels{{
    {0xba07e8ef, "mnist"},
    {0xee8604d9, "mnist"},
    {0x2ed6e46a, "fashion-mnist"},
    {0x242bc73f, "fashion-mnist"},
}};

std::string known_set(const IdxArray& labels) {
  const uLong crc = crc32_z(0, labels.bytes.data(), labels.bytes.size());
  for (const KnownLabels& known : kKnownLabels) {
    if (known.crc == crc) return std::string(known.set);
  }
  return "";
}

/// The first bytes of `array` as a tensor of `shape`.
torch::Tensor to_tensor(const IdxArray& array, at::IntArrayRef shape) {
  torch::Tensor tensor = at::empty(shape, at::kByte);
  std::memcpy(tensor.data_ptr<std::uint8_t>(), array.bytes.data(),
              static_cast<std::size_t>(tensor.numel()));
  return tensor;
}

/// Refuses what the machine could not hold, before the allocation takes it down.
void require_memory(std::int64_t count, std::int64_t channels,
                    const std::array<std::int64_t, 2>& size) {
  const double wanted = static_cast<double>(count) * static_cast<double>(channels) *
                        static_cast<double>(size[0]) * static_cast<double>(size[1]);
  const double present =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (wanted < present) return;
  throw failure(format_count(count) + " images of " + std::to_string(size[0]) + " x " +
                std::to_string(size[1]) + " x " + std::to_string(channels) +
                " need more memory than this machine has (" +
                format_bytes(static_cast<std::int64_t>(present)) +
                "); lower data.image_size or data.limit");
}

/// Antialiased bilinear resize, rounded to the nearest byte: [N, 1, h, w] to [N, 1, H, W]. A few
/// images at a time, since the arithmetic is in float.
torch::Tensor resize(const torch::Tensor& images, const std::array<std::int64_t, 2>& size) {
  const std::int64_t count = images.size(0);
  if (images.size(2) == size[0] && images.size(3) == size[1]) return images;

  constexpr std::int64_t kPixelsAtOnce = std::int64_t{1} << 20;
  const std::int64_t larger = std::max(images.size(2) * images.size(3), size[0] * size[1]);
  const std::int64_t chunk = std::max<std::int64_t>(1, kPixelsAtOnce / larger);
  torch::Tensor resized = at::empty({count, 1, size[0], size[1]}, at::kByte);
  for (std::int64_t first = 0; first < count; first += chunk) {
    const std::int64_t length = std::min(chunk, count - first);
    const torch::Tensor part = images.narrow(0, first, length).to(at::kFloat);
    const torch::Tensor smooth =
        at::_upsample_bilinear2d_aa(part, at::IntArrayRef(size), /*align_corners=*/false);
    resized.narrow(0, first, length).copy_(smooth.round().clamp(0, 255));
  }
  return resized;
}

std::string fingerprint_of(const torch::Tensor& images, const torch::Tensor& labels) {
  uLong sum = crc32_z(0, nullptr, 0);
  for (const torch::Tensor& part : {images, labels}) {
    sum = crc32_z(sum, part.data_ptr<std::uint8_t>(), static_cast<std::size_t>(part.numel()));
  }
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08lx", sum & 0xffffffffUL);
  return text.data();
}

}  // namespace

Dataset load_dataset(const DataConfig& data) {
  const fs::path folder = data.path;
  const bool train = data.split == DataSplit::train;
  const std::string prefix = train ? "train" : "t10k";
  require_folder(folder);
  const fs::path image_file = find_file(folder, prefix + "-images", "idx3-ubyte");
  const fs::path label_file = find_file(folder, prefix + "-labels", "idx1-ubyte");

  Dataset dataset;
  std::array<std::int64_t, 2> size = data.image_size;
  {
    const IdxArray images = read_images(image_file);
    const IdxArray labels = read_labels(label_file);
    const std::int64_t total = images.sizes[0];
    if (labels.sizes[0] != total) {
      throw failure(image_file.string() + ": holds " + format_count(total) + " images, but " +
                    label_file.string() + " holds " + format_count(labels.sizes[0]) +
                    " labels; they do not belong together\n" + std::string(kRemedy));
    }
    const std::int64_t count = data.limit > 0 ? std::min(data.limit, total) : total;
    if (size[0] == 0) size = {images.sizes[1], images.sizes[2]};
    require_memory(count, data.channels, size);
    dataset.set = known_set(labels);
    dataset.images = to_tensor(images, {count, 1, images.sizes[1], images.sizes[2]});
    dataset.labels = to_tensor(labels, {count});
  }
  dataset.name = (dataset.set == "fashion-mnist" ? "Fashion-MNIST " : "MNIST ") +
                 std::string(train ? "train, " : "test, ") + folder.string();
  dataset.images = resize(dataset.images, size);
  if (data.channels != 1) {
    dataset.images = dataset.images.expand({-1, data.channels, -1, -1}).contiguous();
  }
  dataset.fingerprint = fingerprint_of(dataset.images, dataset.labels);
  return dataset;
}

DataConfig other_split(DataConfig data) {
  data.split = data.split == DataSplit::train ? DataSplit::test : DataSplit::train;
  data.limit = 0;
  return data;
}

}  // namespace dcgan
