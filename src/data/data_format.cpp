#include "dcgan/data/data_format.h"

#include <fmt/format.h>

#include <filesystem>
#include <optional>
#include <system_error>

#include "dcgan/base/text.h"
#include "dcgan/config/fields.h"
#include "dcgan/data/image_folder.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// Whether one of the folder's own entries has a name that `matches`.
template <typename Predicate>
bool has_entry(const fs::path& folder, Predicate matches) {
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (matches(entry->path().filename().string())) return true;
  }
  return false;
}

/// Nothing where the names do not tell.
std::optional<DataFormat> recognise_format(const std::string& path) {
  const fs::path folder(path);
  std::error_code ignored;
  const auto has = [&](const std::string& name) { return fs::exists(folder / name, ignored); };
  if (!fs::is_directory(folder, ignored)) {
    return lower_case(folder.extension().string()) == ".npy" ? std::optional(DataFormat::npy)
                                                             : std::nullopt;
  }
  if (has("data_batch_1.bin") || has("cifar-10-batches-bin")) return DataFormat::cifar10;
  if (has("train.bin") || has("cifar-100-binary")) return DataFormat::cifar100;
  const auto is_idx = [](const std::string& name) {
    return name.find("-ubyte") != std::string::npos;
  };
  if (has_entry(folder, is_idx)) return DataFormat::mnist;
  if (has_pictures(folder)) return DataFormat::folder;
  return std::nullopt;
}

std::string describe(DataFormat format) {
  switch (format) {
    case DataFormat::mnist:
      return "files in MNIST's format";
    case DataFormat::cifar10:
      return "CIFAR-10's binary files";
    case DataFormat::cifar100:
      return "CIFAR-100's binary files";
    case DataFormat::folder:
      return "pictures";
    case DataFormat::npy:
      return "an array of NumPy";
  }
  return "";
}

}  // namespace

DataFormat guess_format(const std::string& path) {
  if (const auto format = recognise_format(path)) return *format;
  const auto is_shown = [](const std::string& name) { return !name.starts_with('.'); };
  return has_entry(path, is_shown) ? DataFormat::folder : DataFormat::mnist;
}

std::string format_hint(const DataConfig& data) {
  const std::optional<DataFormat> found = recognise_format(data.path);
  std::error_code ignored;
  if (!found || *found == data.format || !fs::exists(data.path, ignored)) return "";
  return fmt::format("\nit holds {}: set data.format: {}", describe(*found), to_string(*found));
}

}  // namespace dcgan
