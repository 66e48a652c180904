// A folder of pictures: which files are in it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dcgan {

/// What the file system says of a file: another content has another stamp.
struct FileStamp {
  std::int64_t bytes = 0;
  std::int64_t modified = 0;  ///< nanoseconds, of the file system's clock
  std::int64_t changed = 0;   ///< the same of the last change of whatever kind (ctime)
};

struct ImageFile {
  std::string path;  ///< relative to the folder, with '/'
  FileStamp stamp;
  std::uint8_t label = 0;  ///< its class, or 0
};

struct ImageFolder {
  std::filesystem::path root;
  std::vector<ImageFile> files;      ///< in the order of their paths, byte by byte
  std::vector<std::string> classes;  ///< the folders in `root`, in order; or none
  /// What is left out, counted: by its ending (".txt"), or in words ("link(s) to a folder").
  std::map<std::string, std::int64_t> others;
};

/// Finds the files in `root` and below it that may be images: those that end in .png, .jpg, .jpeg,
/// .jpe, .jfif, .bmp, .dib or .webp, and those without an ending that begin as an image does. What
/// begins with a dot is left out, and so are the folders of trainings (config.yaml, metrics.jsonl);
/// a link to a file is followed, one to a folder is not. A file need not be readable. With
/// `classes` each folder in `root` is one, and files beside those folders are an error. Throws
/// `failure` that names the folder when it is none, can't be read, has no such file, or has more
/// than 256 classes.
ImageFolder list_images(const std::filesystem::path& root, bool classes);

/// Whether a file's name ends as a picture's does (".png").
bool has_image_ending(const std::filesystem::path& file);

/// "12 of .txt, 3 of .json", for `others`; "" where there are none. Of many endings the first eight
/// are named.
std::string describe_others(const ImageFolder& folder);

}  // namespace dcgan
