#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "sources/idx.h"
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

/// What stands before "-images" in the names: "train", "t10k", or EMNIST's "emnist-letters-train".
struct Prefix {
  std::string text;
  bool emnist = false;
};

/// EMNIST's prefixes in `folder`: one for each of its splits that is there.
std::vector<std::string> emnist_prefixes(const fs::path& folder, DataSplit split) {
  const std::string middle = split == DataSplit::train ? "-train-images" : "-test-images";
  std::vector<std::string> found;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    const auto at = name.find(middle);
    if (!name.starts_with("emnist-") || at == std::string::npos) continue;
    found.push_back(name.substr(0, at + middle.size() - std::string_view("-images").size()));
  }
  if (error) throw read_failure(folder, error.value());
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

Prefix find_prefix(const fs::path& folder, DataSplit split) {
  const std::string usual = split == DataSplit::train ? "train" : "t10k";
  if (!find_spelling(usual + "-images-idx3-ubyte", folder).empty()) return {usual};
  const std::vector<std::string> emnist = emnist_prefixes(folder, split);
  if (emnist.empty()) return {usual};
  if (emnist.size() == 1) return {emnist.front(), true};
  throw failure(fmt::format("holds several sets of EMNIST ({})", fmt::join(emnist, ", ")))
      .in(folder)
      .remedy("put one into a folder of its own");
}

/// An array of `dimensions` (3 for images, 1 for labels).
ByteArray read_array(const fs::path& file, std::string_view what, std::size_t dimensions) {
  ByteArray array = read_idx(file);
  const std::size_t found = array.sizes.size();
  if (found == dimensions) return array;
  if (found == 1 || found == 3) {
    throw failure(fmt::format("holds {}, not {}", found == 1 ? "labels" : "images", what))
        .in(file)
        .remedy("exchange the two files if they were mixed up");
  }
  throw failure(fmt::format("has {} dimensions, but {} have {}", found, what,
                            dimensions == 1 ? "1 (count)" : "3 (count, height, width)"))
      .in(file)
      .remedy(kDataRemedy);
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

std::string known_set(const ByteArray& labels) {
  const std::uint32_t crc = crc32_of(labels.bytes.data(), labels.bytes.size());
  for (const KnownLabels& known : kKnownLabels) {
    if (known.crc == crc) return std::string(known.set);
  }
  return "";
}

std::string name_of(const ImageSource& source, const Prefix& prefix, const DataConfig& data) {
  const std::string split = to_string(data.split);
  if (prefix.emnist) {
    // "emnist-letters-train", or "emnist-train" where someone took the kind away
    std::string kind = prefix.text.substr(std::string_view("emnist").size());
    kind.resize(kind.rfind('-'));
    if (!kind.empty()) kind.front() = ' ';
    return fmt::format("EMNIST{} {}, {}", kind, split, data.path);
  }
  return fmt::format("{} {}, {}", source.set == "fashion-mnist" ? "Fashion-MNIST" : "MNIST", split,
                     data.path);
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
std::vector<std::uint8_t> read_training_labels(const fs::path& folder, const Prefix& test) {
  const std::string prefix =
      test.emnist ? test.text.substr(0, test.text.rfind('-')) + "-train" : "train";
  const fs::path file = find_spelling(prefix + "-labels-idx1-ubyte", folder);
  return file.empty() ? std::vector<std::uint8_t>() : read_array(file, "labels", 1).bytes;
}

}  // namespace

ImageSource open_mnist(const DataConfig& data) {
  require_data_folder(data.path);
  const fs::path folder = data.path;
  const Prefix prefix = find_prefix(folder, data.split);
  const fs::path image_file = find_file(folder, prefix.text, "images-idx3-ubyte");
  const fs::path label_file = find_file(folder, prefix.text, "labels-idx1-ubyte");
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
  source.name = name_of(source, prefix, data);
  source.labels = std::move(labels.bytes);
  if (data.split == DataSplit::test) source.training_labels = read_training_labels(folder, prefix);
  source.read = [images, turned = prefix.emnist](std::int64_t i) {
    return image_at(*images, i, turned);
  };
  return source;
}

}  // namespace dcgan
