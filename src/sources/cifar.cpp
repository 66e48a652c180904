#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "base/file.h"
#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kSide = 32;
constexpr std::int64_t kPlane = kSide * kSide;
constexpr std::int64_t kPixels = 3 * kPlane;

/// How one of the two sets lies on disk.
struct Layout {
  std::string title;
  std::vector<std::string> files;
  std::int64_t label_bytes;  ///< before the pixels; the last one counts
  int classes;
  std::string names;  ///< the file with those of the classes, a line each
};

Layout layout_of(const DataConfig& data) {
  const bool train = data.split == DataSplit::train;
  if (data.format == DataFormat::cifar100) {
    return {"CIFAR-100", {train ? "train.bin" : "test.bin"}, 2, 100, "fine_label_names.txt"};
  }
  std::vector<std::string> files{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                 "data_batch_4.bin", "data_batch_5.bin"};
  if (!train) files = {"test_batch.bin"};
  return {"CIFAR-10", files, 1, 10, "batches.meta.txt"};
}

/// Adds a file's records, checked, to `records` and their labels to `labels`.
void read_records(const fs::path& file, const Layout& layout, std::string& records,
                  std::vector<std::uint8_t>& labels) {
  const std::string more = read_file(file);
  const auto record = static_cast<std::size_t>(layout.label_bytes + kPixels);
  if (more.empty() || more.size() % record != 0) {
    throw damaged(fmt::format("is no whole number of {}'s records of {} bytes, but {} bytes",
                              layout.title, record,
                              format_count(static_cast<std::int64_t>(more.size()))))
        .in(file)
        .remedy("get the file again (data/README.md says where)");
  }
  for (std::size_t at = 0; at < more.size(); at += record) {
    const int label =
        static_cast<unsigned char>(more[at + static_cast<std::size_t>(layout.label_bytes) - 1]);
    labels.push_back(static_cast<std::uint8_t>(label));
    if (label < layout.classes) continue;
    throw failure(fmt::format("record {} has the label {}, but {} has labels 0 to {}", at / record,
                              label, layout.title, layout.classes - 1))
        .in(file)
        .remedy("is it the other CIFAR (data.format)?");
  }
  records += more;
}

/// Of the training split; none where it can't be read.
std::vector<std::uint8_t> read_training_labels(DataConfig data) {
  data.split = DataSplit::train;
  try {
    return open_cifar(data).labels;
  } catch (const Error&) {
    return {};
  }
}

/// Nothing where the list can't be read or is another one: it is not needed.
std::vector<std::string> read_names(const fs::path& file, const Layout& layout) {
  std::ifstream lines(file);
  std::vector<std::string> names;
  for (std::string line; std::getline(lines, line);) {
    if (!trimmed(line).empty()) names.push_back(trimmed(line));
  }
  if (names.size() != static_cast<std::size_t>(layout.classes)) names.clear();
  return names;
}

/// Planes to interleaved pixels.
Image image_of(const char* planes) {
  Image image{kSide, kSide, 3, std::vector<std::uint8_t>(static_cast<std::size_t>(kPixels))};
  for (std::int64_t pixel = 0; pixel < kPlane; ++pixel) {
    for (std::int64_t channel = 0; channel < 3; ++channel) {
      image.pixels[static_cast<std::size_t>(3 * pixel + channel)] =
          static_cast<std::uint8_t>(planes[channel * kPlane + pixel]);
    }
  }
  return image;
}

}  // namespace

ImageSource open_cifar(const DataConfig& data) {
  require_folder(data.path, kDataRemedy);
  const Layout layout = layout_of(data);
  const fs::path folder = data.path;
  const auto records = std::make_shared<std::string>();
  ImageSource source;
  for (const std::string& file : layout.files) {
    std::error_code ignored;
    if (fs::symlink_status(folder / file, ignored).type() == fs::file_type::not_found) {
      throw failure("no such file").in(folder / file).remedy(kDataRemedy);
    }
    read_records(folder / file, layout, *records, source.labels);
  }
  const std::int64_t record = layout.label_bytes + kPixels;
  source.size = static_cast<std::int64_t>(records->size()) / record;
  source.name = fmt::format("{} {}, {}", layout.title, to_string(data.split), data.path);
  if (data.split == DataSplit::test) source.training_labels = read_training_labels(data);
  source.classes = read_names(folder / layout.names, layout);
  source.read = [records, record, skip = layout.label_bytes](std::int64_t i) {
    return image_of(records->data() + i * record + skip);
  };
  return source;
}

}  // namespace dcgan
