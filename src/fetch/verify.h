// Whether a folder's files are those of a known set, by their published sums.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "fetch/catalogue.h"

namespace dcgan {

enum class FileState {
  right,         ///< the published bytes
  same_content,  ///< its content is the published one, but it is compressed anew or not at all
  wrong,
  unchecked,  ///< it is there, but of this form no sum is published
  missing,
};

/// "as published", "content as published", "wrong", "unchecked", "missing".
std::string state_text(FileState state);

struct FileCheck {
  std::string published;  ///< the name in the catalogue
  std::string found;      ///< the name in the folder: the spelling that training takes; "": missing
  FileState state = FileState::missing;
  std::int64_t bytes = 0;
};

struct VerifyReport {
  KnownSet set;
  std::vector<FileCheck> files;  ///< in the catalogue's order

  std::size_t count(FileState state) const;
  /// Every file is right or has the right content.
  bool all_right() const;
};

/// Checks every file of `set` in `folder`; an archive is judged by what is unpacked from it. IDX
/// files are found under each name that training takes: plain or .gz, with a dash or a dot.
VerifyReport check_set(const KnownSet& set, const std::filesystem::path& folder);

/// The same for the set that most files of the folder belong to. nullopt: no file is of a known
/// set. Throws `failure` where `folder` is no folder or a file can't be read.
std::optional<VerifyReport> verify_known(const std::filesystem::path& folder,
                                         const std::vector<KnownSet>& sets = known_sets());

/// Whether every file of `set` is in `folder` under one of its names; nothing is read.
bool is_there(const KnownSet& set, const std::filesystem::path& folder);

/// A table of the files, then a line that counts them.
std::string format_report(const VerifyReport& report);

/// A table of the sets. Column "here": the first of data/<name> and the system's folder that has
/// it, unread; `root` is the folder that data/ lies in.
std::string format_known_sets(const std::vector<KnownSet>& sets, const std::filesystem::path& root);

}  // namespace dcgan
