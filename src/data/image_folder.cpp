#include "dcgan/data/image_folder.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <string_view>
#include <system_error>

#include "dcgan/base/error.h"
#include "dcgan/base/text.h"
#include "dcgan/data/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool may_be_image(const std::string& ending) {
  constexpr std::array<std::string_view, 9> kEndings{"",     ".png", ".jpg", ".jpeg", ".jpe",
                                                     ".jfif", ".bmp", ".dib", ".webp"};
  return std::find(kEndings.begin(), kEndings.end(), ending) != kEndings.end();
}

/// Adds a file of `folder`, or counts it.
void add_file(const fs::path& path, const struct stat& status, ImageFolder& folder) {
  const std::string ending = lower_case(path.extension().string());
  if (!may_be_image(ending)) {
    ++folder.others[ending];
    return;
  }
  constexpr std::int64_t kNanoseconds = 1'000'000'000;
  folder.files.push_back({path.lexically_relative(folder.root).generic_string(), status.st_size,
                          status.st_mtim.tv_sec * kNanoseconds + status.st_mtim.tv_nsec, 0});
}

void walk(const fs::path& directory, ImageFolder& folder) {
  std::error_code error;
  fs::directory_iterator entry(directory, error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    const fs::path& path = entry->path();
    if (path.filename().native().starts_with('.')) continue;
    struct stat status {};
    if (stat(path.c_str(), &status) != 0) continue;  // a link to nowhere, or just removed
    if (S_ISREG(status.st_mode)) add_file(path, status, folder);
    if (S_ISDIR(status.st_mode) && !entry->is_symlink(error)) walk(path, folder);
  }
  if (error) {
    throw failure(fmt::format("{}: the folder can't be read: {}", directory.string(),
                              error.message()));
  }
}

/// Sets `classes` and each file's label from the first folder of its path.
void label_files(ImageFolder& folder) {
  constexpr std::size_t kMostClasses = 256;
  for (ImageFile& file : folder.files) {
    const auto slash = file.path.find('/');
    if (slash == std::string::npos) {
      throw failure(fmt::format(
          "{}: lies beside the folders that data.classes takes for classes; move it into one of "
          "them, or set data.classes to false",
          (folder.root / file.path).string()));
    }
    const std::string name = file.path.substr(0, slash);
    if (folder.classes.empty() || folder.classes.back() != name) {
      folder.classes.push_back(name);
      if (folder.classes.size() > kMostClasses) {
        throw failure(fmt::format("{}: has more than {} folders, and each is a class (data.classes)",
                                  folder.root.string(), kMostClasses));
      }
    }
    file.label = static_cast<std::uint8_t>(folder.classes.size() - 1);
  }
}

}  // namespace

ImageFolder list_images(const fs::path& root, bool classes) {
  require_data_folder(root.string());
  ImageFolder folder;
  folder.root = root;
  walk(root, folder);
  // By components: a folder's files stay together, whatever their names' characters.
  const auto key = [](const ImageFile& file) {
    std::string text = file.path;
    std::replace(text.begin(), text.end(), '/', '\x01');
    return text;
  };
  std::sort(folder.files.begin(), folder.files.end(),
            [&](const ImageFile& a, const ImageFile& b) { return key(a) < key(b); });
  if (folder.files.empty()) {
    const std::string others = describe_others(folder);
    throw failure(fmt::format(
        "{}: no PNG, JPEG, BMP or WebP file in this folder or below it{}; point data.path at the "
        "folder with the pictures",
        root.string(), others.empty() ? "" : fmt::format(", only {}", others)));
  }
  if (classes) label_files(folder);
  return folder;
}

std::string describe_others(const ImageFolder& folder) {
  std::string text;
  for (const auto& [ending, count] : folder.others) {
    text += fmt::format("{}{} of {}", text.empty() ? "" : ", ", format_count(count),
                        printable(ending));
  }
  return text;
}

}  // namespace dcgan
