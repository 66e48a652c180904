// One file over HTTP or HTTPS, by libcurl, into a file that a later call resumes.
//
// Proxies are those of the environment (http_proxy, https_proxy, no_proxy), and so are certificates
// (CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR), as for the program curl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "dcgan/error.h"
#include "fetch/known_sets.h"

namespace dcgan {

/// Told how many bytes are there, of how many, and how many came in a second on average.
using OnProgress =
    std::function<void(std::int64_t done, std::int64_t total, std::int64_t bytes_per_second)>;

/// Downloads `url`, which must be `file`, into `part`. Bytes that `part` has from an earlier call
/// are kept, and only the rest is asked for where the server can do so. `patience_seconds` is the
/// longest wait for the connection, and then for a byte.
///
/// Returns nothing when `part` has the right size and sum, else what is wrong with the URL, which
/// stands there without its password. After a cut connection `part` keeps what has come; one with a
/// wrong sum is removed. Throws `failure` where it can't be written.
std::optional<Error> download(const std::string& url, const std::filesystem::path& part,
                              const KnownFile& file, const OnProgress& on_progress,
                              long patience_seconds = 30);

}  // namespace dcgan
