#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "sources/image_folder.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxDepth = 2;  ///< folders below data.path that are looked into

/// The files at `root` and below it with their depth, in order; hidden ones are left out.
std::vector<std::pair<int, fs::path>> files_below(const fs::path& root) {
  std::vector<std::pair<int, fs::path>> files;
  std::error_code error;
  if (fs::is_regular_file(root, error)) return {{0, root}};
  constexpr auto kOptions = fs::directory_options::follow_directory_symlink |
                            fs::directory_options::skip_permission_denied;
  fs::recursive_directory_iterator entry(root, kOptions, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const bool is_hidden = entry->path().filename().native().starts_with('.');
    if (is_hidden || entry.depth() == kMaxDepth) entry.disable_recursion_pending();
    std::error_code ignored;
    if (!is_hidden && !entry->is_directory(ignored)) {
      files.emplace_back(entry.depth(), entry->path());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

/// Of a set that comes in a few large files, one of which is `name`; else `folder`.
DataFormat format_of(const std::string& name) {
  if (name == "data_batch_1.bin") return DataFormat::cifar10;
  if (name == "train.bin") return DataFormat::cifar100;
  return name.find("-ubyte") == std::string::npos ? DataFormat::folder : DataFormat::mnist;
}

/// Folders with the format of what lies in them.
using FoundSets = std::map<std::string, DataFormat>;

/// What is plain to see nearest to `root`, of all formats or of `wanted`.
FoundSets find_sets(const fs::path& root, std::optional<DataFormat> wanted = std::nullopt) {
  if (lower_case(root.extension().string()) == ".npy") return {{root.string(), DataFormat::npy}};
  std::map<int, FoundSets> found;
  bool has_pictures = false;
  for (const auto& [depth, file] : files_below(root)) {
    const DataFormat format = format_of(file.filename().string());
    has_pictures = has_pictures || has_image_ending(file);
    if (wanted ? format != *wanted : format == DataFormat::folder) continue;
    found[depth].emplace((depth == 0 ? root : file.parent_path()).string(), format);
  }
  if (!found.empty()) return found.begin()->second;
  return has_pictures && !wanted ? FoundSets{{root.string(), DataFormat::folder}} : FoundSets();
}

void require_one_at_most(const FoundSets& sets, const std::string& path) {
  if (sets.size() < 2) return;
  std::vector<std::string> paths;
  for (const auto& [folder, format] : sets) paths.push_back(folder);
  throw failure(fmt::format("several data sets lie here: {}", fmt::join(paths, ", ")))
      .in(path)
      .remedy("point data.path or --data at one of them");
}

/// The folder of the split to train on, where `root` or the one folder in it holds nothing but
/// folders of splits, as Hugging Face's, Keras' and PyTorch's; else "".
fs::path find_training_split(const fs::path& root, int depth = 0) {
  static const std::set<std::string> splits{"train", "training",   "test", "testing", "val",
                                            "valid", "validation", "dev",  "eval",    "evaluation"};
  std::set<std::string> folders;
  std::error_code error;
  for (fs::directory_iterator entry(root, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (has_image_ending(name)) return "";
    std::error_code ignored;
    if (!name.starts_with('.') && entry->is_directory(ignored)) folders.insert(name);
  }
  if (std::includes(splits.begin(), splits.end(), folders.begin(), folders.end())) {
    for (const std::string name : {"train", "training"}) {
      if (folders.contains(name)) return root / name;
    }
  }
  return folders.size() == 1 && depth == 0 ? find_training_split(root / *folders.begin(), 1) : "";
}

/// What dcgan does not read, by the end of its path.
struct ForeignFile {
  std::string_view end;
  const char* problem;
  const char* remedy;
};

constexpr const char* kPython = "is CIFAR's Python version; dcgan reads the binary version";
constexpr const char* kFetch = "'dcgan data fetch cifar10' or cifar100 brings it";
constexpr const char* kArchive = "is an archive";
constexpr const char* kUnpack = "unpack it, and point data.path at what is in it";
constexpr std::array kForeignFiles{
    ForeignFile{"/data_batch_1", kPython, kFetch},
    ForeignFile{"/cifar-100-python/train", kPython, kFetch},
    ForeignFile{"-python.tar.gz", kPython, kFetch},
    ForeignFile{".parquet", "Parquet is not read",
                "write its pictures into a folder, as PNG, and point data.path (with data.format: "
                "folder) or --data at that"},
    ForeignFile{".npz", "is an .npz, several arrays in one file",
                "write its images into an .npy, as by numpy.save('images.npy', "
                "numpy.load('mnist.npz')['x_train']), and point data.path (with data.format: npy) "
                "or --data at that"},
    ForeignFile{".npy", "is an array of NumPy", "set data.format: npy and data.path to this file"},
    ForeignFile{".zip", kArchive, kUnpack},
    ForeignFile{".tar", kArchive, kUnpack},
    ForeignFile{".tar.gz", kArchive, kUnpack},
    ForeignFile{".tgz", kArchive, kUnpack}};

}  // namespace

DataFormat guess_format(const std::string& path) {
  const FoundSets sets = find_sets(path);
  require_one_at_most(sets, path);
  if (!sets.empty()) return sets.begin()->second;
  if (path.ends_with(".npz")) return DataFormat::npy;  // format_hint() says what to do with it
  std::error_code ignored;
  return fs::is_directory(path, ignored) && !fs::is_empty(path, ignored) ? DataFormat::folder
                                                                         : DataFormat::mnist;
}

std::string find_set(const DataConfig& data) {
  if (data.format == DataFormat::npy) return data.path;
  if (data.format == DataFormat::folder) {
    const fs::path split = find_training_split(data.path);
    return split.empty() ? data.path : split.string();
  }
  const FoundSets sets = find_sets(data.path, data.format);
  require_one_at_most(sets, data.path);
  return sets.empty() ? data.path : sets.begin()->first;
}

std::optional<Error> format_hint(const DataConfig& data) {
  const FoundSets sets = find_sets(data.path);
  if (sets.size() == 1 && sets.begin()->second != data.format) {
    const std::string format = to_string(sets.begin()->second);
    return failure("holds a set of format " + format)
        .in(data.path)
        .remedy("set data.format: " + format);
  }
  if (!sets.empty()) return std::nullopt;
  for (const auto& [depth, file] : files_below(data.path)) {
    const std::string name = lower_case(file.string());
    for (const ForeignFile& foreign : kForeignFiles) {
      if (name.ends_with(foreign.end)) {
        return failure(foreign.problem).in(file).remedy(foreign.remedy);
      }
    }
  }
  return std::nullopt;
}

}  // namespace dcgan
