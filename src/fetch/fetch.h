// A known set, from the network into a folder that training can read: over HTTP or HTTPS, by
// libcurl.
//
// Proxies are those of the environment (http_proxy, https_proxy, no_proxy), and so are certificates
// (CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR), as for the program curl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dcgan/error.h"
#include "fetch/known_sets.h"

namespace dcgan {

/// Told how many bytes are there, of how many, and how many came in a second on average.
using OnProgress =
    std::function<void(std::int64_t done, std::int64_t total, std::int64_t bytes_per_second)>;

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

/// Downloads `url`, which must be `file`, into `part`. Bytes that `part` has from an earlier call
/// are kept, and only the rest is asked for where the server can do so. `patience_seconds` is the
/// longest wait for the connection, and then for a byte.
///
/// Returns nothing when `part` has the right size and sum, else what is wrong with the URL. After a
/// cut connection `part` keeps what has come; one with a wrong sum is removed. Throws `failure`
/// where it can't be written.
std::optional<Error> download(const std::string& url, const std::filesystem::path& part,
                              const KnownFile& file, const OnProgress& on_progress,
                              long patience_seconds = 30);

/// The bytes of those of `files` that are in the .tar.gz, by their names, in whatever folder of it.
/// No path of the archive reaches the disk. Throws `damaged` where it can't be read. What is in it
/// is as published where the archive is.
std::map<std::string, std::string> unpack(const std::filesystem::path& archive,
                                          const std::vector<KnownFile>& files);

}  // namespace dcgan
