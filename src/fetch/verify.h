// Whether a folder's files are those of a known set, by their published sums.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/known_sets.h"

namespace dcgan {

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
