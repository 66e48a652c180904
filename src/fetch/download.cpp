#include <curl/curl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <new>

#include "base/file.h"
#include "base/text.h"
#include "fetch/fetch.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;
using Handle = std::unique_ptr<CURL, decltype(&curl_easy_cleanup)>;
using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

/// What libcurl's callbacks share.
struct Download {
  CURL* curl = nullptr;
  std::FILE* file = nullptr;
  std::int64_t done = 0;   ///< bytes that are in the file
  std::int64_t bytes = 0;  ///< expected in all
  const OnProgress& on_progress;
  Clock::time_point shown{};
  int write_error = 0;  ///< errno
};

std::size_t on_body(char* data, std::size_t /*size*/, std::size_t count, void* user) {
  auto& download = *static_cast<Download*>(user);
  if (download.done + static_cast<std::int64_t>(count) > download.bytes) return 0;
  const std::size_t written = std::fwrite(data, 1, count, download.file);
  if (written < count) download.write_error = errno;
  download.done += static_cast<std::int64_t>(written);
  return written;
}

int on_tick(void* user, curl_off_t /*total*/, curl_off_t /*now*/, curl_off_t /*up_total*/,
            curl_off_t /*up_now*/) {
  auto& download = *static_cast<Download*>(user);
  constexpr std::chrono::milliseconds kBetween{100};
  if (!download.on_progress || Clock::now() - download.shown < kBetween) return 0;
  download.shown = Clock::now();
  curl_off_t rate = 0;
  curl_easy_getinfo(download.curl, CURLINFO_SPEED_DOWNLOAD_T, &rate);
  download.on_progress(download.done, download.bytes, rate);
  return 0;
}

void set_options(CURL* curl, const std::string& url, long patience_seconds, Download& download) {
  constexpr long kRedirects = 10;
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
  curl_easy_setopt(curl, CURLOPT_MAXREDIRS, kRedirects);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, patience_seconds);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, patience_seconds);
  curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
  curl_easy_setopt(curl, CURLOPT_USERAGENT, "dcgan");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &download);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_tick);
  curl_easy_setopt(curl, CURLOPT_XFERINFODATA, &download);
  curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(download.done));
  // libcurl leaves these variables to the program that uses it; the last one counts.
  for (const auto& [name, option] : {std::pair{"SSL_CERT_FILE", CURLOPT_CAINFO},
                                     {"CURL_CA_BUNDLE", CURLOPT_CAINFO},
                                     {"SSL_CERT_DIR", CURLOPT_CAPATH}}) {
    const char* const value = std::getenv(name);
    if (value != nullptr && *value != '\0') curl_easy_setopt(curl, option, value);
  }
}

/// `url` without a user and a password.
std::string without_password(const std::string& url) {
  const std::size_t begin = url.find("//") + 2;
  const std::size_t at = url.substr(0, url.find_first_of("/?#", begin)).rfind('@');
  return at == std::string::npos ? url : url.substr(0, begin) + url.substr(at + 1);
}

/// Asks for what `part` lacks of `bytes` bytes. "" or the problem.
std::string request(const std::string& url, const fs::path& part, std::int64_t bytes,
                    const OnProgress& on_progress, long patience_seconds) {
  const File file(std::fopen(part.c_str(), "abe"), &std::fclose);
  if (!file) throw write_failure(part, errno);
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // so that errno is that of a write
  if (fs::file_size(part) > static_cast<std::uintmax_t>(bytes)) fs::resize_file(part, 0);
  const auto offset = static_cast<std::int64_t>(fs::file_size(part));
  if (offset == bytes) return "";

  const Handle curl(curl_easy_init(), &curl_easy_cleanup);
  if (!curl) throw std::bad_alloc();
  Download state{curl.get(), file.get(), offset, bytes, on_progress};
  set_options(curl.get(), url, patience_seconds, state);
  std::array<char, CURL_ERROR_SIZE> reason{};
  curl_easy_setopt(curl.get(), CURLOPT_ERRORBUFFER, reason.data());
  const CURLcode code = curl_easy_perform(curl.get());
  if (state.write_error != 0) throw write_failure(part, state.write_error);
  if (fsync(fileno(file.get())) != 0 && errno != EINVAL) throw write_failure(part, errno);

  long answer = 0;
  curl_off_t length = -1;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &answer);
  curl_easy_getinfo(curl.get(), CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
  constexpr long kRangeNotSatisfiable = 416;
  // The server can't resume: all of it, then. But a login page must not replace what is there.
  if ((offset > 0 && answer == kRangeNotSatisfiable) ||
      (code == CURLE_RANGE_ERROR && (length < 0 || length == bytes))) {
    fs::resize_file(part, 0);
    return request(url, part, bytes, on_progress, patience_seconds);
  }
  if (code == CURLE_RANGE_ERROR || code == CURLE_WRITE_ERROR) {
    return fmt::format("has not the {} published bytes", format_count(bytes));
  }
  if (code != CURLE_OK) {
    return without_controls(reason[0] == '\0' ? curl_easy_strerror(code) : reason.data());
  }
  if (state.done == bytes) return "";
  return fmt::format("ended after {} of {} bytes", format_count(state.done), format_count(bytes));
}

}  // namespace

std::optional<Error> download(const std::string& url, const fs::path& part, const KnownFile& file,
                              const OnProgress& on_progress, long patience_seconds) {
  const bool resumes = fs::exists(part) && !fs::is_empty(part);
  std::string problem = request(url, part, file.bytes, on_progress, patience_seconds);
  if (problem.empty()) {
    const std::string found = sha256_of(read_file(part));
    if (found == file.sha256) return std::nullopt;
    fs::remove(part);
    // What an earlier call had left may be of another file: one that is whole decides.
    if (resumes) return download(url, part, file, on_progress, patience_seconds);
    problem = fmt::format("its SHA-256 is {}, not {}, so it was removed", found, file.sha256);
  }
  return failure(problem).in(without_password(url));
}

}  // namespace dcgan
