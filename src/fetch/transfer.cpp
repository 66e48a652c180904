#include "fetch/transfer.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "fetch/output_file.h"

namespace dcgan {
namespace {

using Clock = std::chrono::steady_clock;
using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;

constexpr const char* kOtherSource = "name another source with --mirror URL";

/// What the callbacks share. They are called by C code, so no exception may leave them.
struct Download {
  CURL* curl = nullptr;
  OutputFile* file = nullptr;
  std::int64_t bytes = 0;   ///< expected
  std::int64_t offset = 0;  ///< asked for from here; 0: all of it
  std::string name;
  const std::function<void(const TransferProgress&)>* on_progress = nullptr;

  std::string content_range;  ///< the header of the newest answer
  bool has_begun = false;
  bool range_was_refused = false;
  std::string problem;  ///< without the URL
  std::exception_ptr error;
  Clock::time_point began = Clock::now();
  Clock::time_point shown{};
  Clock::time_point heard = Clock::now();  ///< when the newest byte came
  std::chrono::seconds patience{};
  std::int64_t received = 0;
  std::array<char, CURL_ERROR_SIZE> reason{};
};

long status_of(CURL* curl) {
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  return status;
}

std::string wrong_size(std::int64_t found, std::int64_t expected) {
  return fmt::format("has {} bytes, not {} as published; {}", format_count(found),
                     format_count(expected), kOtherSource);
}

/// The start in "bytes 100-199/200".
std::optional<std::int64_t> range_start(std::string_view text) {
  constexpr std::string_view kUnit = "bytes ";
  if (!text.starts_with(kUnit)) return std::nullopt;
  text.remove_prefix(kUnit.size());
  std::int64_t start = 0;
  const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), start);
  if (code != std::errc{} || end == text.data() + text.size() || *end != '-') return std::nullopt;
  return start;
}

/// Called before the body's first byte: whether it is the file, and where it goes. False: stop.
bool begin_body(Download& download) {
  download.has_begun = true;
  curl_off_t length = -1;
  curl_easy_getinfo(download.curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  constexpr long kPartial = 206;
  if (status_of(download.curl) == kPartial) {
    download.range_was_refused = range_start(download.content_range) != download.offset;
    if (download.range_was_refused) return false;
    if (length < 0 || download.offset + length == download.bytes) return true;
    download.problem = wrong_size(download.offset + length, download.bytes);
    return false;
  }
  if (length >= 0 && length != download.bytes) {
    download.problem = wrong_size(length, download.bytes);
    return false;
  }
  download.file->clear();
  return true;
}

void show_progress(Download& download, bool last) {
  const auto now = Clock::now();
  constexpr std::chrono::milliseconds kBetween{100};
  if (!*download.on_progress || (!last && now - download.shown < kBetween)) return;
  download.shown = now;
  const double seconds = std::chrono::duration<double>(now - download.began).count();
  const double rate = seconds > 0 ? static_cast<double>(download.received) / seconds : 0;
  (*download.on_progress)({download.name, download.file->size(), download.bytes, rate});
}

bool take_body(Download& download, std::string_view bytes) {
  if (!download.has_begun && !begin_body(download)) return false;
  if (download.file->size() + static_cast<std::int64_t>(bytes.size()) > download.bytes) {
    download.problem = fmt::format("has more than the {} published bytes; {}",
                                   format_count(download.bytes), kOtherSource);
    return false;
  }
  download.heard = Clock::now();
  download.file->append(bytes);
  download.received += static_cast<std::int64_t>(bytes.size());
  show_progress(download, false);
  return true;
}

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& download = *static_cast<Download*>(user);
  try {
    return take_body(download, {data, size * count}) ? size * count : CURL_WRITEFUNC_ERROR;
  } catch (...) {
    download.error = std::current_exception();
    return CURL_WRITEFUNC_ERROR;
  }
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& download = *static_cast<Download*>(user);
  std::string_view line(data, size * count);
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.remove_suffix(1);
  constexpr std::string_view kName = "content-range:";
  try {
    if (line.starts_with("HTTP/")) download.content_range.clear();  // a new answer begins
    if (line.size() > kName.size() &&
        curl_strnequal(line.data(), kName.data(), kName.size()) != 0) {
      line.remove_prefix(kName.size());
      while (line.starts_with(' ')) line.remove_prefix(1);
      download.content_range = line;
    }
  } catch (...) {
    download.error = std::current_exception();
    return 0;
  }
  return size * count;
}

bool is_connected(CURL* curl) {
  curl_off_t until_sent = 0;
  curl_easy_getinfo(curl, CURLINFO_PRETRANSFER_TIME_T, &until_sent);
  return until_sent > 0;
}

/// Called every second at least. libcurl's own low-speed limit looks at the last five seconds, and
/// so comes late.
int on_tick(void* user, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*up_total*/,
            curl_off_t /*up_now*/) {
  auto& download = *static_cast<Download*>(user);
  // Until the connection stands, its own time limit counts.
  if (!is_connected(download.curl)) download.heard = Clock::now();
  return Clock::now() - download.heard >= download.patience ? 1 : 0;
}

/// libcurl leaves these variables to the program that uses it.
void set_certificates(CURL* curl) {
  for (const char* const name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {  // the later one wins
    const char* const value = std::getenv(name);
    if (value != nullptr && *value != '\0') curl_easy_setopt(curl, CURLOPT_CAINFO, value);
  }
  const char* const folder = std::getenv("SSL_CERT_DIR");
  if (folder != nullptr && *folder != '\0') curl_easy_setopt(curl, CURLOPT_CAPATH, folder);
}

void set_options(CURL* curl, const std::string& url, const TransferLimits& limits,
                 Download& download) {
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, static_cast<long>(limits.redirects));
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, static_cast<long>(limits.connect_seconds));
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "dcgan");
  curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, download.reason.data());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &download);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &download);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &download);
  const std::string range = fmt::format("{}-", download.offset);
  curl_easy_setopt(curl, CURLOPT_RANGE, download.offset > 0 ? range.c_str() : nullptr);
  set_certificates(curl);
}

std::string host_of(const std::string& url) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parts(curl_url(), &curl_url_cleanup);
  char* host = nullptr;
  if (!parts || curl_url_set(parts.get(), CURLUPART_URL, url.c_str(), 0) != CURLUE_OK ||
      curl_url_get(parts.get(), CURLUPART_HOST, &host, 0) != CURLUE_OK) {
    return "the server";
  }
  std::string text(host);
  curl_free(host);
  return text;
}

std::string http_problem(long status) {
  switch (status) {
    case 404:
    case 410:
      return fmt::format("is not there (HTTP {}); {}", status, kOtherSource);
    case 401:
    case 403:
    case 407:
      return fmt::format("may not be read (HTTP {}); {}", status, kOtherSource);
    default:
      return fmt::format("the server answered with HTTP {}; try again later, or {}", status,
                         kOtherSource);
  }
}

std::string cut(const Download& download) {
  return fmt::format(
      "the connection was cut after {} of {} bytes; run the same command again to go on from there",
      format_count(download.file->size()), format_count(download.bytes));
}

std::string connect_problem(CURL* curl, const std::string& url) {
  long error = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &error);
  const std::string why =
      error == 0 ? "" : fmt::format(" ({})", std::strerror(static_cast<int>(error)));
  return fmt::format("no connection to {}{}; check the network, or {}", host_of(url), why,
                     kOtherSource);
}

/// What went wrong, for the user, without the URL.
std::string explain(CURLcode code, const std::string& url, const TransferLimits& limits,
                    const Download& download) {
  const char* const given = download.reason.data();
  const std::string reason = printable(*given != '\0' ? given : curl_easy_strerror(code));
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return fmt::format("the host {} was not found; check the name and the network, or {}",
                         host_of(url), kOtherSource);
    case CURLE_COULDNT_RESOLVE_PROXY:
      return "the proxy's host was not found; check https_proxy and http_proxy";
    case CURLE_COULDNT_CONNECT:
      return connect_problem(download.curl, url);
    case CURLE_ABORTED_BY_CALLBACK:
      return fmt::format("nothing came for {} s; run the same command again to go on, or {}",
                         limits.stall_seconds, kOtherSource);
    case CURLE_OPERATION_TIMEDOUT:
      return fmt::format("no connection within {} s; check the network, or {}",
                         limits.connect_seconds, kOtherSource);
    case CURLE_HTTP_RETURNED_ERROR:
      return http_problem(status_of(download.curl));
    case CURLE_TOO_MANY_REDIRECTS:
      return fmt::format("is redirected more than {} times; {}", limits.redirects, kOtherSource);
    case CURLE_UNSUPPORTED_PROTOCOL:
      return fmt::format("leads to what is neither http nor https; {}", kOtherSource);
    case CURLE_URL_MALFORMAT:
      return fmt::format("is no URL; {}", kOtherSource);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2_STREAM:
      return cut(download);
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return fmt::format(
          "the secure connection failed ({}); check the clock and the certificates "
          "(CURL_CA_BUNDLE, SSL_CERT_FILE), or {}",
          reason, kOtherSource);
    default:
      return fmt::format("the download failed ({}); try again, or {}", reason, kOtherSource);
  }
}

/// One request. "": all that was asked for has come.
std::string request(const std::string& url, const TransferLimits& limits, Download& download) {
  static const CURLcode started = curl_global_init(CURL_GLOBAL_DEFAULT);
  const Handle curl(curl_easy_init(), &curl_easy_cleanup);
  if (started != CURLE_OK || !curl) throw std::bad_alloc();
  download.curl = curl.get();
  set_options(curl.get(), url, limits, download);
  const CURLcode code = curl_easy_perform(curl.get());
  if (download.error) std::rethrow_exception(download.error);
  constexpr long kRangeNotSatisfiable = 416;
  if (code == CURLE_HTTP_RETURNED_ERROR && status_of(curl.get()) == kRangeNotSatisfiable) {
    download.range_was_refused = true;
  }
  if (download.range_was_refused) return "";
  if (!download.problem.empty()) return download.problem;
  if (code != CURLE_OK) return explain(code, url, limits, download);
  // An empty body never called on_body().
  if (!download.has_begun && !begin_body(download)) return download.problem;
  show_progress(download, true);
  // Without a length in the header a cut looks like an end.
  return download.file->size() < download.bytes ? cut(download) : "";
}

}  // namespace

std::string shown_url(const std::string& url) {
  const std::size_t slashes = url.find("//");
  if (slashes == std::string::npos) return printable(url);
  const std::size_t begin = slashes + 2;
  const std::size_t at = url.substr(0, url.find_first_of("/?#", begin)).rfind('@');
  return at == std::string::npos || at < begin ? url : url.substr(0, begin) + url.substr(at + 1);
}

std::string transfer(const std::string& url, const std::filesystem::path& part, std::int64_t bytes,
                     const TransferLimits& limits,
                     const std::function<void(const TransferProgress&)>& on_progress) {
  OutputFile file(part);
  if (file.size() > bytes) file.clear();
  std::string problem;
  // A refused range is asked for anew as a whole: twice is enough.
  for (const bool whole : {false, true}) {
    if (file.size() == bytes) break;
    Download download{.file = &file,
                      .bytes = bytes,
                      .offset = whole ? 0 : file.size(),
                      .name = url.substr(url.rfind('/') + 1),
                      .on_progress = &on_progress,
                      .patience = std::chrono::seconds(limits.stall_seconds)};
    problem = request(url, limits, download);
    if (!download.range_was_refused) break;
    if (whole) problem = fmt::format("sends only a part of the file; {}", kOtherSource);
  }
  file.flush();
  return problem.empty() ? "" : fmt::format("{}: {}", shown_url(url), problem);
}

}  // namespace dcgan
