#include "data/dataset.h"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iterator>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "base/gz.h"
#include "base/system_limits.h"
#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "sources/image_cache.h"
#include "sources/image_folder.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

/// Refuses what the machine could not hold, before the allocation takes it down.
void require_memory(std::int64_t count, const RowFormat& format) {
  const double wanted = static_cast<double>(count) * static_cast<double>(format.bytes());
  const std::int64_t present = usable_memory();
  if (wanted < static_cast<double>(present)) return;
  throw failure(fmt::format("{} images of {} x {} x {} need more memory than there is ({})",
                            format_count(count), format.height, format.width, format.channels,
                            format_bytes(present)))
      .remedy("lower data.image_size, or train on fewer images with data.limit");
}

std::uint32_t crc_of(const torch::Tensor& bytes, std::uint32_t before = 0) {
  return crc32_of(bytes.data_ptr(), bytes.nbytes(), before);
}

torch::Tensor to_tensor(const std::vector<std::uint8_t>& bytes, std::int64_t count) {
  torch::Tensor tensor = at::zeros({count}, at::kByte);
  if (!bytes.empty()) {
    std::memcpy(tensor.data_ptr<std::uint8_t>(), bytes.data(), static_cast<std::size_t>(count));
  }
  return tensor;
}

/// Numbers the classes from 0 in the order of the set's labels: first those that are in `training`,
/// if any are known of it, then those that only other images have. Both splits of a set have the
/// same classes then. `dataset.classes` are the names of the labels from 0 on, if any.
void number_classes(const std::vector<std::uint8_t>& training, Dataset& dataset) {
  auto* const labels = dataset.labels.data_ptr<std::uint8_t>();
  auto* const end = labels + dataset.size();
  const std::set<std::uint8_t> first(training.begin(), training.end());
  const std::set<std::uint8_t> own(labels, end);
  std::vector<std::uint8_t> label_of_class(first.begin(), first.end());
  std::set_difference(own.begin(), own.end(), first.begin(), first.end(),
                      std::back_inserter(label_of_class));
  std::array<std::uint8_t, 256> class_of_label{};
  std::vector<std::string> names;
  bool are_numbers = true;
  for (std::size_t i = 0; i < label_of_class.size(); ++i) {
    const std::uint8_t label = label_of_class[i];
    class_of_label[label] = static_cast<std::uint8_t>(i);
    names.push_back(class_name(dataset.classes, label));
    are_numbers = are_numbers && label == i;
  }
  if (are_numbers) return;
  std::transform(labels, end, labels, [&](std::uint8_t label) { return class_of_label[label]; });
  dataset.classes = std::move(names);
}

// Sets whose images are read from a few large files -----------------------------------------------

ImageSource open_source(const DataConfig& data) {
  switch (data.format) {
    case DataFormat::mnist:
      return open_mnist(data);
    case DataFormat::cifar10:
    case DataFormat::cifar100:
      return open_cifar(data);
    case DataFormat::npy:
    case DataFormat::folder:
      break;
  }
  ImageSource part = take_split(open_npy(data), data.split, data.held_out);
  part.name = fmt::format("{} ({} images)", data.path,
                          data.split == DataSplit::train ? "training" : "held-out");
  return part;
}

Dataset load_source(const DataConfig& data, const PrepareProgress& progress) {
  const ImageSource source = open_source(data);
  RowFormat format = row_format(data);
  const Image first = source.size > 0 ? source.read(0) : Image();  // all are of its size
  if (format.height == 0) {
    format.height = first.height;
    format.width = first.width;
  }
  const std::int64_t count = data.limit > 0 ? std::min(data.limit, source.size) : source.size;
  require_memory(count, format);
  if (data.levels == Levels::automatic) {  // of both splits, or of a training split of its own
    DataConfig train = data;
    train.split = DataSplit::train;
    const ImageSource whole = data.format == DataFormat::npy ? open_npy(train) : open_source(train);
    format.white = find_white(whole.size, whole.read, progress);
  }
  Dataset dataset;
  dataset.images = at::empty({count, format.channels, format.height, format.width}, at::kByte);
  auto* const rows = dataset.images.data_ptr<std::uint8_t>();
  const auto work = [&](std::int64_t i) {
    Image image = source.read(i);
    scale_levels(image, format.white);
    write_row(image, format, rows + i * format.bytes());
  };
  for_each_image(count, work, progress);
  dataset.labels = to_tensor(source.labels, count);
  dataset.name = source.name;
  dataset.set = source.set;
  dataset.classes = source.classes;
  dataset.white = format.white;
  dataset.originals.add(first.height, first.width);
  dataset.fingerprint = fmt::format("{:08x}", crc_of(dataset.labels, crc_of(dataset.images)));
  number_classes(source.training_labels.empty() ? source.labels : source.training_labels, dataset);
  return dataset;
}

// A folder of pictures ----------------------------------------------------------------------------

/// The labels of the files that are trained on, or would be if they are images.
std::vector<std::uint8_t> training_labels(const ImageFolder& folder, double held_out) {
  std::vector<std::uint8_t> labels;
  for (const std::int64_t i : indices_of(DataSplit::train, std::ssize(folder.files), held_out)) {
    labels.push_back(folder.files[static_cast<std::size_t>(i)].label);
  }
  return labels;
}

/// The good images of a split, the first data.limit of them: as many more files are decoded as of
/// these are bad.
PreparedImages decode_split(const ImageFolder& folder, const RowFormat& format,
                            const DataConfig& data, const PrepareProgress& progress) {
  const std::vector<std::int64_t> all =
      indices_of(data.split, std::ssize(folder.files), data.held_out);
  const std::int64_t count = std::ssize(all);
  std::int64_t taken = data.limit > 0 ? std::min(data.limit, count) : count;
  for (;;) {
    require_memory(taken, format);
    PreparedImages prepared =
        decode_into_memory(folder, format, {all.begin(), all.begin() + taken}, progress);
    const std::int64_t missing = data.limit - prepared.size();
    if (missing <= 0 || taken == count) return prepared;
    taken = std::min(taken + missing, count);
  }
}

/// Rows `first` .. `first + count - 1` of what was prepared, as a set. The CRC-32 of a whole split
/// is in its cache, so that a large set need not be read for it.
Dataset rows_as_set(const PreparedImages& prepared, const ImageFolder& folder,
                    const RowFormat& format, std::int64_t first, std::int64_t count) {
  Dataset dataset;
  // LibTorch has no tensors that can't be written to; nothing writes to a set's images.
  auto* const rows = const_cast<std::uint8_t*>(prepared.rows.get()) + first * format.bytes();
  dataset.images = at::from_blob(
      rows, {count, format.channels, format.height, format.width}, [keep = prepared.rows](void*) {},
      at::kByte);
  std::vector<std::uint8_t> labels;
  for (std::int64_t i = first; i < first + count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    labels.push_back(folder.files[static_cast<std::size_t>(prepared.files[at])].label);
  }
  dataset.labels = to_tensor(labels, count);
  dataset.cache = prepared.cache.string();
  const bool is_test = first > 0;
  const bool is_whole = count == (is_test ? prepared.size() - first : prepared.training);
  const std::uint32_t sum =
      !dataset.cache.empty() && is_whole ? prepared.crcs[is_test ? 1 : 0] : crc_of(dataset.images);
  dataset.fingerprint = fmt::format("{:08x}", crc_of(dataset.labels, sum));
  dataset.classes = folder.classes;
  dataset.originals = prepared.sizes;
  dataset.white = prepared.white;
  return dataset;
}

Dataset load_folder(const DataConfig& data, const PrepareProgress& progress) {
  const ImageFolder folder = list_images(data.path, data.classes);
  RowFormat format = row_format(data);
  if (format.height == 0) {
    const Image image = read_image(folder.root / folder.files.front().path);
    format.height = image.height;
    format.width = image.width;
  }
  const bool train = data.split == DataSplit::train;
  PreparedImages prepared;
  std::int64_t first = 0;
  std::int64_t end = 0;
  if (data.cache == "none") {
    if (data.levels == Levels::automatic) format.white = find_white(folder, format, progress);
    prepared = decode_split(folder, format, data, progress);
    end = prepared.size();
  } else {
    prepared = open_image_cache(folder, format, data.held_out, cache_folder(data.cache), progress);
    first = train ? 0 : prepared.training;
    end = train ? prepared.training : prepared.size();
  }
  const std::string bad = judge_bad_images(
      data.path, prepared.bad, prepared.size() + std::ssize(prepared.bad), data.max_bad_fraction);
  const std::int64_t count = data.limit > 0 ? std::min(data.limit, end - first) : end - first;
  Dataset dataset = rows_as_set(prepared, folder, format, first, count);
  number_classes(training_labels(folder, data.held_out), dataset);
  dataset.name = fmt::format("{} ({} images)", data.path, train ? "training" : "held-out");
  dataset.warning = bad;
  if (const std::string others = describe_others(folder); !others.empty()) {
    dataset.note = fmt::format("{}: other files are left out: {}", data.path, others);
  }
  return dataset;
}

}  // namespace

Dataset load_dataset(const DataConfig& asked, const PrepareProgress& progress) {
  DataConfig data = asked;
  data.path = find_set(asked);
  Dataset dataset;
  try {
    dataset = data.format == DataFormat::folder ? load_folder(data, progress)
                                                : load_source(data, progress);
  } catch (Error& error) {
    // Of which other format data.path is, where that is plain.
    if (const std::optional<Error> hint = format_hint(data)) error.also(*hint);
    throw error;
  }
  if (data.path != asked.path) {
    const std::string taken = fmt::format("{}: taken from {}", asked.path, data.path);
    dataset.note = dataset.note.empty() ? taken : taken + '\n' + dataset.note;
  }
  if (dataset.size() > 0) return dataset;
  throw failure(fmt::format("no image is left in the split '{}'", to_string(data.split)))
      .in(data.path)
      .remedy("change data.held_out (at most 0.5), or add images");
}

DataConfig in_folder(DataConfig data, const std::string& path) {
  if (path == data.path) return data;
  data.path = path;
  data.format = guess_format(path);
  if (data.held_out == 0) data.held_out = DataConfig().held_out;
  return data;
}

bool has_other_split(const DataConfig& data) {
  return has_own_splits(data.format) || data.held_out > 0;
}

DataConfig other_split(DataConfig data) {
  data.split = data.split == DataSplit::train ? DataSplit::test : DataSplit::train;
  data.limit = 0;
  return data;
}

}  // namespace dcgan
