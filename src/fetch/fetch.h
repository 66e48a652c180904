// A known set, from the network into a folder that training can read.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "fetch/catalogue.h"
#include "fetch/transfer.h"

namespace dcgan {

struct FetchOptions {
  std::filesystem::path folder;
  std::vector<std::string> sources;  ///< URLs of folders, tried in turn; empty: the set's own
  bool force = false;                ///< replace files that are there and wrong
  TransferLimits limits;
};

struct FetchListener {
  std::function<void(const std::string&)> line;  ///< what has been done, a line each time
  std::function<void(const TransferProgress&)> progress;
};

enum class FetchOutcome {
  fetched,
  already_there,
  there_unchecked,  ///< some in a form of which no sum is published; `force` replaces these
};

/// Brings every file of `set` into `options.folder`, which is made. Files that are there and right
/// stay as they are; wrong ones are an error without `force`, and replaced only once the new ones
/// are there. A file is called by its name only when its SHA-256 is the published one; until then
/// it is
/// `<name>.part`, with which a later call goes on. Of an archive only its files stay.
///
/// Throws `failure`, which names the URL or the file and the remedy. After a cut connection the
/// .part stays; one with a wrong sum is removed.
FetchOutcome fetch_set(const KnownSet& set, const FetchOptions& options,
                       const FetchListener& listener);

}  // namespace dcgan
