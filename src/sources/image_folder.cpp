#include "sources/image_folder.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <system_error>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// What a file without an ending begins with: a README or a LICENSE is no damaged picture.
bool begins_as_image(const fs::path& path) {
  std::string start(16, '\0');
  std::ifstream(path, std::ios::binary).read(start.data(), std::ssize(start));
  return image_format(start) != ImageFormat::unknown;
}

/// The folder of a training, which may lie among the pictures: its sample grids are none of them.
bool is_run(const fs::path& directory) {
  std::error_code ignored;
  return fs::exists(directory / "metrics.jsonl", ignored) &&
         fs::exists(directory / "config.yaml", ignored);
}

/// From the year 2262 on it wraps around: it is only compared.
std::int64_t nanoseconds(const timespec& time) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
                                   static_cast<std::uint64_t>(time.tv_nsec));
}

/// Adds the file at root / `below`, or counts it.
void add_file(const std::string& below, const struct stat& status, ImageFolder& folder) {
  const fs::path path = folder.root / below;
  const std::string ending = lower_case(path.extension().string());
  if (ending.empty() ? !begins_as_image(path) : !has_image_ending(path)) {
    ++folder.others[ending.empty() ? "without an ending" : ending];
    return;
  }
  const FileStamp stamp{status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim)};
  folder.files.push_back({below, stamp, 0});
}

/// Adds the files in root / `prefix` and below it to `folder`. An inner folder is entered only when
/// this one is closed.
void list_directory(const std::string& prefix, ImageFolder& folder) {
  const fs::path directory = folder.root / prefix;
  std::vector<std::string> inner;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    const std::string name = path.filename().string();
    if (name.starts_with('.')) continue;
    std::error_code ignored;
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) {
      ++folder.others["unreachable"];
    } else if (S_ISREG(status.st_mode)) {
      add_file(prefix + name, status, folder);
    } else if (S_ISDIR(status.st_mode) && entry->is_symlink(ignored)) {
      ++folder.others["link(s) to a folder"];
    } else if (S_ISDIR(status.st_mode) && is_run(path)) {
      ++folder.others["run(s) of dcgan"];
    } else if (S_ISDIR(status.st_mode)) {
      inner.push_back(prefix + name + '/');
    }
  }
  if (error) {
    throw failure("the folder can't be read: " + error.message())
        .in(directory)
        .remedy("make it readable, or give it a name that begins with a dot, which leaves it out");
  }
  for (const std::string& below : inner) list_directory(below, folder);
}

/// The order of paths by their components: a folder's files stay together, whatever their names'
/// characters.
bool stands_before(const ImageFile& a, const ImageFile& b) {
  const auto rank = [](char c) { return c == '/' ? 0 : static_cast<unsigned char>(c); };
  return std::lexicographical_compare(a.path.begin(), a.path.end(), b.path.begin(), b.path.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

/// Sets `classes` and each file's label from the first folder of its path.
void label_files(ImageFolder& folder) {
  constexpr std::size_t kMaxClasses = 256;
  for (ImageFile& file : folder.files) {
    const auto slash = file.path.find('/');
    if (slash == std::string::npos) {
      throw failure("lies beside the folders that data.classes takes for classes")
          .in(folder.root / file.path)
          .remedy(
              "move it into one of them, or set data.classes to false to train without classes");
    }
    const std::string name = file.path.substr(0, slash);
    if (folder.classes.empty() || folder.classes.back() != name) {
      folder.classes.push_back(name);
      if (folder.classes.size() > kMaxClasses) {
        throw failure(fmt::format("has more than {} folders, and each is a class (data.classes)",
                                  kMaxClasses))
            .in(folder.root)
            .remedy("leave some out, or set data.classes to false to train without classes");
      }
    }
    file.label = static_cast<std::uint8_t>(folder.classes.size() - 1);
  }
}

}  // namespace

ImageFolder list_images(const fs::path& root, bool classes) {
  require_folder(root, kDataRemedy);
  ImageFolder folder;
  folder.root = root;
  list_directory("", folder);
  std::sort(folder.files.begin(), folder.files.end(), stands_before);
  if (folder.files.empty()) {
    const std::string others = describe_others(folder);
    throw failure("no PNG, JPEG, BMP or WebP file in this folder or below it" +
                  (others.empty() ? "" : ", only " + others))
        .in(root)
        .remedy("point data.path or --images at the folder with the pictures");
  }
  if (classes) label_files(folder);
  return folder;
}

bool has_image_ending(const fs::path& file) {
  static const std::set<std::string> endings{".png",  ".jpg", ".jpeg", ".jpe",
                                             ".jfif", ".bmp", ".dib",  ".webp"};
  return endings.contains(lower_case(file.extension().string()));
}

std::string describe_others(const ImageFolder& folder) {
  constexpr std::size_t kMaxNamed = 8;  // frame.0001, frame.0002, .. have an ending each
  std::vector<std::string> kinds;
  for (const auto& [kind, count] : folder.others) {
    if (kinds.size() == kMaxNamed) return fmt::format("{}, ...", fmt::join(kinds, ", "));
    kinds.push_back(fmt::format("{} {}{}", format_count(count), kind.starts_with('.') ? "of " : "",
                                printable(kind)));
  }
  return fmt::format("{}", fmt::join(kinds, ", "));
}

}  // namespace dcgan
