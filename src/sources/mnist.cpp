#include <fmt/format.h>
#include <fmt/ranges.h>

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "sources/arrays.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// `kind` is "images-idx3-ubyte" or "labels-idx1-ubyte".
fs::path find_file(const fs::path& folder, const std::string& prefix, const std::string& kind) {
  const std::string name = prefix + '-' + kind;
  const fs::path found = find_spelling(name, folder);
  if (!found.empty()) return found;
  throw failure(fmt::format("no {} file (looked for {})", name.substr(0, name.find("-idx")),
                            fmt::join(spellings(name), ", ")))
      .in(folder)
      .remedy(kDataRemedy);
}

bool is_emnist(const std::string& name) { return name.starts_with("emnist-"); }

/// What stands before "-images" in the names: "train", "t10k", or EMNIST's "emnist-letters-train".
std::string find_prefix(const fs::path& folder, DataSplit split) {
  const std::string usual = split == DataSplit::train ? "train" : "t10k";
  if (!find_spelling(usual + "-images-idx3-ubyte", folder).empty()) return usual;
  const std::string ending = split == DataSplit::train ? "-train" : "-test";
  std::set<std::string> emnist;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    const auto at = name.find(ending + "-images");
    if (is_emnist(name) && at != std::string::npos) emnist.insert(name.substr(0, at) + ending);
  }
  if (error) throw read_failure(folder, error.value());
  if (emnist.empty()) return usual;
  if (emnist.size() == 1) return *emnist.begin();
  throw failure(fmt::format("holds several sets of EMNIST ({})", fmt::join(emnist, ", ")))
      .in(folder)
      .remedy("put one into a folder of its own");
}

/// An array of `dimensions` (3 for images, 1 for labels).
ByteArray read_array(const fs::path& file, std::string_view what, std::size_t dimensions) {
  ByteArray array = read_idx(file);
  if (array.sizes.size() == dimensions) return array;
  throw failure(fmt::format("has {} dimensions, but {} have {}", array.sizes.size(), what,
                            dimensions == 1 ? "1 (count)" : "3 (count, height, width)"))
      .in(file)
      .remedy(std::string("exchange images and labels if they were mixed up, or ") + kDataRemedy);
}

/// The set that a file of labels belongs to, by the CRC-32 of its content behind the header.
std::string known_set(const ByteArray& labels) {
  // Computed by Python's zlib from the published files (data/README.md; for Fashion-MNIST those of
  // Xiao, Rasul, Vollgraf, 2017): train, then test.
  static const std::map<std::uint32_t, std::string> sets{{0xba07e8ef, "mnist"},
                                                         {0xee8604d9, "mnist"},
                                                         {0x2ed6e46a, "fashion-mnist"},
                                                         {0x242bc73f, "fashion-mnist"}};
  const auto found = sets.find(crc32_of(labels.bytes.data(), labels.bytes.size()));
  return found == sets.end() ? "" : found->second;
}

/// Image `index`, [height, width]; `turned`: the file holds its columns as rows.
Image image_at(const ByteArray& images, std::int64_t index, bool turned) {
  const std::int64_t height = images.sizes[1];
  const std::int64_t width = images.sizes[2];
  const auto first = images.bytes.begin() + index * height * width;
  if (!turned) return {height, width, 1, {first, first + height * width}};
  Image image{width, height, 1,
              std::vector<std::uint8_t>(static_cast<std::size_t>(height * width))};
  for (std::int64_t row = 0; row < height; ++row) {
    for (std::int64_t column = 0; column < width; ++column) {
      image.pixels[static_cast<std::size_t>(column * height + row)] = first[row * width + column];
    }
  }
  return image;
}

/// Of the training split beside the test split `test`; none where it is not there.
std::vector<std::uint8_t> read_training_labels(const fs::path& folder, const std::string& test) {
  const std::string prefix = is_emnist(test) ? test.substr(0, test.rfind('-')) + "-train" : "train";
  const fs::path file = find_spelling(prefix + "-labels-idx1-ubyte", folder);
  return file.empty() ? std::vector<std::uint8_t>() : read_array(file, "labels", 1).bytes;
}

}  // namespace

ImageSource open_mnist(const DataConfig& data) {
  require_folder(data.path, kDataRemedy);
  const fs::path folder = data.path;
  const std::string prefix = find_prefix(folder, data.split);
  const fs::path image_file = find_file(folder, prefix, "images-idx3-ubyte");
  const fs::path label_file = find_file(folder, prefix, "labels-idx1-ubyte");
  const auto images = std::make_shared<ByteArray>(read_array(image_file, "images", 3));
  if (images->bytes.empty()) throw failure("holds no images").in(image_file).remedy(kDataRemedy);
  ByteArray labels = read_array(label_file, "labels", 1);
  if (labels.sizes[0] != images->sizes[0]) {
    throw failure(
        fmt::format("holds {} images, but {} holds {} labels: they do not belong together",
                    format_count(images->sizes[0]), label_file.string(),
                    format_count(labels.sizes[0])))
        .in(image_file)
        .remedy(kDataRemedy);
  }
  ImageSource source;
  source.size = images->sizes[0];
  source.set = known_set(labels);
  const std::string title = source.set == "fashion-mnist" ? "Fashion-MNIST" : "MNIST";
  source.name = fmt::format(
      "{}, {}", is_emnist(prefix) ? prefix : title + ' ' + to_string(data.split), data.path);
  source.labels = std::move(labels.bytes);
  if (data.split == DataSplit::test) source.training_labels = read_training_labels(folder, prefix);
  source.read = [images, turned = is_emnist(prefix)](std::int64_t i) {
    return image_at(*images, i, turned);
  };
  return source;
}

}  // namespace dcgan
