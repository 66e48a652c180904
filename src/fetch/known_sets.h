// The public data sets that the program knows: data/known_sets.yaml, which lies inside it.
#pragma once

#include <cstdint>
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

}  // namespace dcgan
