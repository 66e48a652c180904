// One file over HTTP or HTTPS, by libcurl, into a file that a later call goes on with.
//
// Proxies are those of the environment (http_proxy, https_proxy, no_proxy), and so are certificates
// (CURL_CA_BUNDLE, SSL_CERT_FILE, SSL_CERT_DIR), as for the program curl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace dcgan {

struct TransferLimits {
  std::int64_t connect_seconds = 30;  ///< until the connection stands, TLS included
  std::int64_t stall_seconds = 30;    ///< without a byte
  std::int64_t redirects = 10;
};

struct TransferProgress {
  std::string file;             ///< its name, for people
  std::int64_t done = 0;        ///< bytes that are there, those of earlier calls included
  std::int64_t total = 0;       ///< bytes
  double bytes_per_second = 0;  ///< of this call, its average
};

/// Downloads `url`, which must have `bytes` bytes, into `part`. Bytes that `part` has from an
/// earlier call are kept and the rest is asked for; a server that sends all sends all, and a `part`
/// that is too large is begun anew. The sum is for the caller to check.
///
/// Returns "" when `part` has `bytes` bytes, else what was wrong, as one line for the user that
/// begins with the URL and ends with the remedy; `part` then keeps what has come. Throws `failure`
/// where `part` can't be written. A user and a password in the URL are not shown.
std::string transfer(const std::string& url, const std::filesystem::path& part, std::int64_t bytes,
                     const TransferLimits& limits,
                     const std::function<void(const TransferProgress&)>& on_progress);

/// `url` without a user and a password.
std::string shown_url(const std::string& url);

}  // namespace dcgan
