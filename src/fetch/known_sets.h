// The public data sets that the program knows: data/known_sets.yaml, which lies inside it. And
// whether a folder's files are those of a set, by their published sums.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

struct KnownFile {
  std::string name;
  std::int64_t bytes = 0;      ///< of a file without a sum: the maximum
  std::string sha256;          ///< lower-case hex; "": the file may be missing
  std::string content_sha256;  ///< of what is inside a .gz; "": none is published
};

struct KnownSet {
  std::string name;                  ///< as on the command line: "mnist"
  std::vector<std::string> sources;  ///< URLs of folders, tried in turn
  KnownFile archive;                 ///< a .tar.gz with the files; no name: they lie at the sources
  std::vector<KnownFile> files;      ///< as training reads them
  std::string images;                ///< "60,000 + 10,000": for training and test
  std::string shape;                 ///< "28 x 28 x 1": H, W, C
  std::string classes;               ///< how many
  std::string licence;
  std::string homepage;
  std::string system_folder;  ///< where Debian's package puts it; "" where there is none

  bool has_archive() const { return !archive.name.empty(); }
};

const std::vector<KnownSet>& known_sets();

/// Throws a usage error with the nearest name for a set that is not known.
const KnownSet& find_known_set(std::string_view name);

enum class FileState {
  right,         ///< the published bytes
  same_content,  ///< its content is the published one, but it is compressed anew or not at all
  wrong,
  unchecked,  ///< it is there, but of this form no sum is published
  missing,
};

struct SetCheck {
  const KnownSet* set = nullptr;
  std::int64_t right = 0;  ///< files with the published bytes or content
  bool all_right = false;
  std::string table;  ///< of the files, and a line that counts them
};

/// 64 lower-case hex digits.
std::string sha256_of(std::string_view bytes);

/// The state of what find_spelling() (base/file.h) finds. Throws `failure` where it can't be read.
FileState check_file(const KnownFile& file, const std::filesystem::path& folder);

/// Checks `folder` as the set that most of its files belong to. nullopt: no file is of a known set.
/// Throws `failure` where `folder` is no folder or a file can't be read.
std::optional<SetCheck> verify_known(const std::filesystem::path& folder,
                                     const std::vector<KnownSet>& sets = known_sets());

/// A table of the sets. Column "here": the first of data/<name> in `root` and the system's folder
/// that has it, unread.
std::string format_known_sets(const std::vector<KnownSet>& sets, const std::filesystem::path& root);

}  // namespace dcgan
