#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <vector>

#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "sources/arrays.h"
#include "sources/image_folder.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 2;  ///< folders below data.path that are looked into

// What lies where ---------------------------------------------------------------------------------

/// A folder and the names in it that do not begin with a dot, in order.
struct Listing {
  fs::path folder;
  std::vector<std::string> files;
  std::vector<std::string> folders;  ///< links to folders, too

  bool has(const std::string& file) const {
    return std::find(files.begin(), files.end(), file) != files.end();
  }
};

/// Of a folder with very many entries, the first that the system names.
Listing list(const fs::path& folder) {
  constexpr int kMaxEntries = 10'000;
  Listing listing{folder, {}, {}};
  std::error_code error;
  fs::directory_iterator entry(folder, error);
  for (int i = 0; i < kMaxEntries && !error && entry != fs::directory_iterator(); ++i) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    auto& names = entry->is_directory(ignored) ? listing.folders : listing.files;
    if (!name.starts_with('.')) names.push_back(name);
    entry.increment(error);
  }
  std::sort(listing.files.begin(), listing.files.end());
  std::sort(listing.folders.begin(), listing.folders.end());
  return listing;
}

/// The folders that lie `depth` below `root`.
std::vector<Listing> list_below(const fs::path& root, int depth) {
  if (depth == 0) return {list(root)};
  std::vector<Listing> found;
  for (const Listing& above : list_below(root, depth - 1)) {
    for (const std::string& name : above.folders) found.push_back(list(above.folder / name));
  }
  return found;
}

/// Of the formats that come in a few large files.
bool holds(const Listing& listing, DataFormat format) {
  if (format == DataFormat::cifar10) return listing.has("data_batch_1.bin");
  if (format == DataFormat::cifar100) return listing.has("train.bin");
  return std::any_of(listing.files.begin(), listing.files.end(), [](const std::string& name) {
    return name.find("-ubyte") != std::string::npos;
  });
}

struct FoundSet {
  DataFormat format;
  std::string path;
};

/// The sets of `formats` that lie `depth` below `root`.
std::vector<FoundSet> find_sets(const fs::path& root, int depth,
                                const std::vector<DataFormat>& formats) {
  std::vector<FoundSet> found;
  for (const Listing& listing : list_below(root, depth)) {
    for (const DataFormat format : formats) {
      if (holds(listing, format)) found.push_back({format, listing.folder.string()});
    }
  }
  return found;
}

/// What is plain to see at `path`; below it what is nearest.
std::vector<FoundSet> recognise_sets(const fs::path& path) {
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored) && lower_case(path.extension().string()) == ".npy") {
    return {{DataFormat::npy, path.string()}};
  }
  for (int depth = 0; depth <= kMaxDepth; ++depth) {
    std::vector<FoundSet> found =
        find_sets(path, depth, {DataFormat::cifar10, DataFormat::cifar100, DataFormat::mnist});
    if (!found.empty()) return found;
    if (depth == 0 && has_pictures(path)) return {{DataFormat::folder, path.string()}};
  }
  return {};
}

Error several_sets(const std::string& path, const std::vector<FoundSet>& sets) {
  std::string paths;
  for (const FoundSet& set : sets) paths += (paths.empty() ? "" : ", ") + set.path;
  return failure("several data sets lie here: " + paths)
      .in(path)
      .remedy("point data.path or --data at one of them");
}

/// The splits of Hugging Face's, Keras' and PyTorch's folders of pictures.
bool is_training_split(const std::string& name) { return name == "train" || name == "training"; }

bool is_split(const std::string& name) {
  constexpr std::array<std::string_view, 8> kOthers{"test",       "testing", "val",  "valid",
                                                    "validation", "dev",     "eval", "evaluation"};
  return is_training_split(name) ||
         std::find(kOthers.begin(), kOthers.end(), name) != kOthers.end();
}

/// `root`, or the folder of the split to train on where there are nothing but splits in it or in
/// the one folder below it.
fs::path find_pictures(const fs::path& root) {
  fs::path folder = root;
  for (int depth = 0; depth < kMaxDepth; ++depth) {
    const Listing listing = list(folder);
    const auto& inner = listing.folders;
    if (std::any_of(listing.files.begin(), listing.files.end(), has_image_ending)) break;
    const auto training = std::find_if(inner.begin(), inner.end(), is_training_split);
    if (training != inner.end() && std::all_of(inner.begin(), inner.end(), is_split)) {
      return folder / *training;
    }
    if (inner.size() != 1) break;
    folder /= inner.front();
  }
  return root;
}

// In words ----------------------------------------------------------------------------------------

Error python_cifar(const std::string& title, const std::string& name) {
  return failure(fmt::format("is of {}'s Python version; dcgan reads the binary version", title))
      .remedy(fmt::format("'dcgan data fetch {}' brings it", name));
}

/// Of a set of Hugging Face, whose column of pictures has one of several names.
Error parquet_failure(const fs::path& folder) {
  return failure("Parquet is not read")
      .remedy(
          "write its pictures into a folder, and point data.path (with data.format: folder and, "
          "without labels, model.classes: 0) or --data at that:\n"
          "mkdir -p pictures && python3 -c \"import datasets, sys; [next(v for v in row.values() "
          "if hasattr(v, 'save')).save(f'pictures/{i:07}.png') for i, row in "
          "enumerate(datasets.load_dataset(sys.argv[1], split='train'))]\" " +
          shell_quote(folder.string()));
}

/// What is to be done with a file that dcgan does not read; nothing where it is none that we know.
std::optional<Error> foreign_file(const fs::path& file) {
  const std::string name = lower_case(file.filename().string());
  const bool in_cifar100 = file.parent_path().filename() == "cifar-100-python";
  if (name == "data_batch_1" || name == "cifar-10-python.tar.gz") {
    return python_cifar("CIFAR-10", "cifar10");
  }
  if ((name == "train" && in_cifar100) || name == "cifar-100-python.tar.gz") {
    return python_cifar("CIFAR-100", "cifar100");
  }
  if (name.ends_with(".parquet")) return parquet_failure(file.parent_path());
  if (name.ends_with(".npz")) return npz_failure(file);
  if (name.ends_with(".npy")) {
    return failure("is an array of NumPy")
        .remedy("set data.format: npy and data.path: " + file.string());
  }
  for (const std::string_view ending : {".zip", ".tar", ".tar.gz", ".tgz"}) {
    if (!name.ends_with(ending)) continue;
    return failure("is an archive").remedy("unpack it, and point data.path at what is in it");
  }
  return std::nullopt;
}

/// Of `root`, where it is a file, or the first such file up to two folders below it.
std::optional<Error> find_foreign_file(const fs::path& root) {
  std::vector<fs::path> files;
  std::error_code ignored;
  if (fs::is_regular_file(root, ignored)) files.push_back(root);
  for (int depth = 0; depth <= kMaxDepth; ++depth) {
    for (const Listing& listing : list_below(root, depth)) {
      for (const std::string& file : listing.files) files.push_back(listing.folder / file);
    }
  }
  for (const fs::path& file : files) {
    if (std::optional<Error> found = foreign_file(file)) return found->in(file);
  }
  return std::nullopt;
}

}  // namespace

DataFormat guess_format(const std::string& path) {
  const std::string ending = lower_case(fs::path(path).extension().string());
  std::error_code ignored;
  if (!fs::is_directory(path, ignored) && (ending == ".npy" || ending == ".npz")) {
    return DataFormat::npy;  // whose reader says what to do with an .npz
  }
  const std::vector<FoundSet> sets = recognise_sets(path);
  if (sets.size() > 1) throw several_sets(path, sets);
  if (sets.size() == 1) return sets.front().format;
  const Listing listing = list(path);
  return listing.files.empty() && listing.folders.empty() ? DataFormat::mnist : DataFormat::folder;
}

std::string find_set(const DataConfig& data) {
  if (data.format == DataFormat::npy) return data.path;
  if (data.format == DataFormat::folder) return find_pictures(data.path).string();
  for (int depth = 0; depth <= kMaxDepth; ++depth) {
    const std::vector<FoundSet> sets = find_sets(data.path, depth, {data.format});
    if (sets.size() > 1) throw several_sets(data.path, sets);
    if (sets.size() == 1) return sets.front().path;
  }
  return data.path;
}

std::optional<Error> format_hint(const DataConfig& data) {
  const std::vector<FoundSet> sets = recognise_sets(data.path);
  if (sets.size() == 1 && sets.front().format != data.format) {
    const std::string format = to_string(sets.front().format);
    return failure("holds a set of format " + format)
        .in(data.path)
        .remedy("set data.format: " + format);
  }
  std::error_code ignored;
  const bool was_read = data.format == DataFormat::npy && !fs::is_directory(data.path, ignored);
  return sets.empty() && !was_read ? find_foreign_file(data.path) : std::nullopt;
}

}  // namespace dcgan
