// A known set, from the network into a folder that training can read.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "fetch/download.h"
#include "fetch/known_sets.h"

namespace dcgan {

struct FetchOptions {
  std::filesystem::path folder;
  std::vector<std::string> sources;                 ///< URLs of folders, tried in turn
  bool force = false;                               ///< replace files that are there and wrong
  std::function<void(const std::string&)> on_line;  ///< what was done
  OnProgress on_progress;
};

/// Brings every file of `set` into `options.folder`, which is made. Files that are there and right
/// stay as they are; wrong ones are an error without `force`, and replaced only once the new ones
/// are there. A file is called by its name only when its SHA-256 is the published one; until then
/// it is
/// `<name>.part`, which a later call resumes. Of an archive only its files stay.
/// Throws `failure`, which names the URL or the file and the remedy.
void fetch_set(const KnownSet& set, const FetchOptions& options);

/// The bytes of `files` by their names, which lie in the .tar.gz at the top or in one folder. No
/// path of the archive reaches the disk: it is only compared with the names. Throws `damaged` where
/// the archive can't be read, lacks a file, or has one of another size or sum.
std::map<std::string, std::string> unpack(const std::filesystem::path& archive,
                                          const std::vector<KnownFile>& files);

}  // namespace dcgan
