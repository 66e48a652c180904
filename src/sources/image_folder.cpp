#include "sources/image_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

bool may_be_image(const std::string& ending) {
  constexpr std::array<std::string_view, 9> kEndings{"",      ".png", ".jpg", ".jpeg", ".jpe",
                                                     ".jfif", ".bmp", ".dib", ".webp"};
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

Error folder_failure(const fs::path& directory, const std::error_code& error) {
  return failure("the folder can't be read: " + error.message())
      .in(directory)
      .remedy(
          "make it readable, or move it elsewhere, or give it a name that begins with a dot, which "
          "leaves it out");
}

// Standard library's way to a path's parts takes several times as long as reading the folder.

std::string_view name_of(const fs::path& path) {
  const std::string_view text = path.native();
  return text.substr(text.rfind('/') + 1);
}

/// As fs::path's extension(), for a name that does not begin with a dot.
std::string ending_of(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string_view::npos ? "" : lower_case(std::string(name.substr(dot)));
}

/// `path` as it is below `root`, of which it was made.
std::string below(const fs::path& root, const fs::path& path) {
  std::string text = path.native().substr(root.native().size());
  return text.starts_with('/') ? text.substr(1) : text;
}

/// What a file without an ending begins with: a README or a LICENSE is no damaged picture. One that
/// can't be read may be a picture.
bool begins_as_image(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string start(16, '\0');
  file.read(start.data(), static_cast<std::streamsize>(start.size()));
  if (file.bad() || !file.is_open()) return true;
  start.resize(static_cast<std::size_t>(file.gcount()));
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
  constexpr std::uint64_t kNanoseconds = 1'000'000'000;
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(time.tv_sec) * kNanoseconds +
                                   static_cast<std::uint64_t>(time.tv_nsec));
}

/// Adds a file of `folder`, or counts it.
void add_file(const fs::path& path, const struct stat& status, ImageFolder& folder) {
  const std::string ending = ending_of(name_of(path));
  if (!may_be_image(ending)) {
    ++folder.others[ending];
    return;
  }
  if (ending.empty() && !begins_as_image(path)) {
    ++folder.others["without an ending"];
    return;
  }
  const FileStamp stamp{status.st_size, nanoseconds(status.st_mtim), nanoseconds(status.st_ctim),
                        status.st_ino};
  folder.files.push_back({below(folder.root, path), stamp, 0});
}

/// What lies at `path`, behind links; nothing where it is gone or a link to nowhere. A link to
/// where one may not look counts as an empty file, which then can't be read.
std::optional<struct stat> look_at(const fs::path& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) == 0) return status;
  const int error = errno;
  if (error == ENOENT || error == ELOOP || error == ENOTDIR) return std::nullopt;
  if (lstat(path.c_str(), &status) != 0 || !S_ISLNK(status.st_mode)) {
    throw folder_failure(path.parent_path(), {error, std::generic_category()});
  }
  struct stat file {};
  file.st_mode = S_IFREG;
  return file;
}

/// Adds the files in `directory` and below it to `folder`. An inner folder is entered only when
/// this one is closed.
void list_directory(const fs::path& directory, ImageFolder& folder) {
  std::vector<fs::path> inner;
  std::error_code error;
  for (fs::directory_iterator entry(directory, error), end; !error && entry != end;
       entry.increment(error)) {
    const fs::path& path = entry->path();
    if (name_of(path).starts_with('.')) continue;
    std::error_code ignored;
    const std::optional<struct stat> status = look_at(path);
    if (!status) {
      ++folder.others["link(s) to nowhere"];
    } else if (S_ISREG(status->st_mode)) {
      add_file(path, *status, folder);
    } else if (S_ISDIR(status->st_mode) && fs::is_symlink(path, ignored)) {
      ++folder.others["link(s) to a folder"];
    } else if (S_ISDIR(status->st_mode) && is_run(path)) {
      ++folder.others["run(s) of dcgan"];
    } else if (S_ISDIR(status->st_mode)) {
      inner.push_back(path);
    }
  }
  if (error) throw folder_failure(directory, error);
  for (const fs::path& path : inner) list_directory(path, folder);
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
  list_directory(root, folder);
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

bool would_be_listed(const fs::path& file, const fs::path& root) {
  std::error_code error;
  const fs::path folder = fs::weakly_canonical(root, error);
  if (error) return false;
  // Not where a link leads that bears its name: among the pictures that is one of them.
  const fs::path parent = fs::weakly_canonical(fs::absolute(file).parent_path(), error);
  if (error) return false;
  const fs::path whole = parent / file.filename();
  const fs::path below = whole.lexically_relative(folder);
  if (below.empty() || *below.begin() == "..") return false;
  fs::path at = folder;
  for (const fs::path& part : below) {
    if (part.native().starts_with('.')) return false;
    at /= part;
    if (is_run(at)) return false;
  }
  return may_be_image(ending_of(name_of(whole)));
}

std::string printable_path(const std::string& path) {
  std::string text;
  for (const fs::path& part : fs::path(path)) text = fs::path(text) / printable(part.string());
  return text;
}

bool has_image_ending(const fs::path& file) {
  const std::string ending = lower_case(file.extension().string());
  return !ending.empty() && may_be_image(ending);
}

bool has_pictures(const fs::path& root) {
  constexpr int kMaxEntries = 10'000;
  std::error_code error;
  fs::recursive_directory_iterator entry(root, error);
  for (int i = 0; i < kMaxEntries && !error && entry != fs::recursive_directory_iterator(); ++i) {
    if (has_image_ending(entry->path())) return true;
    entry.increment(error);
  }
  return false;
}

std::string describe_others(const ImageFolder& folder) {
  constexpr std::size_t kMaxNamed = 8;  // frame.0001, frame.0002, .. have an ending each
  std::string text;
  std::size_t named = 0;
  std::int64_t rest = 0;
  for (const auto& [kind, count] : folder.others) {
    if (named++ < kMaxNamed) {
      text += fmt::format("{}{} {}{}", text.empty() ? "" : ", ", format_count(count),
                          kind.starts_with('.') ? "of " : "", printable(kind));
    } else {
      rest += count;
    }
  }
  return rest == 0 ? text : fmt::format("{}, {} of others", text, format_count(rest));
}

}  // namespace dcgan
