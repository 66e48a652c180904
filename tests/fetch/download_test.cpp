#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fetch/archives.h"
#include "fetch/certificate.h"
#include "fetch/fetch.h"
#include "fetch/server.h"
#include "support/child_process.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::error_in_child;
using ::testing::HasSubstr;
using testing::IsError;
using testing::noise;
using ::testing::Optional;
using testing::PlainNetwork;
using testing::Server;
using testing::SilentPort;
using testing::TempFolder;
using testing::Variable;

auto Failed(const std::string& url, const std::string& problem) {
  return Optional(IsError(ErrorKind::failure, url, HasSubstr(problem), ""));
}

/// A server with the file "a" of 100,000 bytes.
class Download : public ::testing::Test {
 protected:
  Download() { server_.put("a", bytes_); }

  std::optional<Error> get(const std::string& path, long patience_seconds = 30) {
    return get_url(server_.url(path), patience_seconds);
  }
  std::optional<Error> get_url(const std::string& url, long patience_seconds = 30) {
    return download(url, part_, file_, {}, patience_seconds);
  }
  void put_part(const std::string& bytes) const { write_file_atomically(part_, bytes); }

  PlainNetwork network_;
  std::string bytes_ = noise(100'000);
  KnownFile file_{"a", 100'000, sha256_of(bytes_)};
  Server server_;
  TempFolder folder_;
  std::filesystem::path part_ = folder_ / "a.part";
};

TEST_F(Download, BringsEveryByte) {
  EXPECT_FALSE(get("/plain/a"));
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Download, BringsEveryByteWithoutALength) {
  EXPECT_FALSE(get("/nolength/0/a"));
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Download, TellsHowFarItIs) {
  std::int64_t calls = 0;
  download(server_.url("/plain/a"), part_, file_,
           [&](std::int64_t done, std::int64_t total, std::int64_t /*bytes_per_second*/) {
             ++calls;
             EXPECT_LE(done, total);
             EXPECT_EQ(total, 100'000);
           });
  EXPECT_GT(calls, 0);
}

TEST_F(Download, GoesOnBehindWhatIsThere) {
  put_part(bytes_.substr(0, 40'000));
  EXPECT_FALSE(get("/plain/a"));
  EXPECT_EQ(read_file(part_), bytes_);
  EXPECT_EQ(server_.requests(), "/plain/a bytes=40000-\n");
}

TEST_F(Download, StartsAnewWhereTheServerIgnoresTheRange) {
  put_part("xxx");
  EXPECT_FALSE(get("/norange/a"));
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Download, StartsAnewWhereTheServerRefusesTheRange) {
  put_part("xxx");
  EXPECT_FALSE(get("/refuse/a"));
  EXPECT_EQ(read_file(part_), bytes_);
  EXPECT_EQ(server_.requests(), "/refuse/a bytes=3-\n/refuse/a\n");
}

TEST_F(Download, StartsAnewWhereTheRangeBeginsElsewhere) {
  put_part("xxx");
  EXPECT_FALSE(get("/wrongrange/a"));
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Download, StartsAnewWhereThePartIsTooLarge) {
  put_part(bytes_ + "x");
  EXPECT_FALSE(get("/plain/a"));
  EXPECT_EQ(read_file(part_), bytes_);
  EXPECT_EQ(server_.requests(), "/plain/a\n");
}

TEST_F(Download, AsksForNothingWhereThePartIsWhole) {
  put_part(bytes_);
  EXPECT_FALSE(get("/plain/a"));
  EXPECT_EQ(server_.requests(), "");
}

TEST_F(Download, KeepsWhatCameBeforeACutAndResumes) {
  // "transfer closed with 70000 bytes remaining to read"; its first words depend on libcurl.
  EXPECT_THAT(get("/cut/30000/a"), Failed(server_.url("/cut/30000/a"), ""));
  EXPECT_EQ(read_file(part_), bytes_.substr(0, 30'000));
  EXPECT_FALSE(get("/plain/a"));
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Download, SeesACutWithoutALength) {
  EXPECT_THAT(get("/nolength/30000/a"),
              Failed(server_.url("/nolength/30000/a"), "after 30,000 of 100,000 bytes"));
}

TEST_F(Download, KeepsWhatIsThereWhenTheNextCallFails) {
  put_part(bytes_.substr(0, 40'000));
  get("/status/500/a");
  EXPECT_EQ(read_file(part_), bytes_.substr(0, 40'000));
}

TEST_F(Download, SaysWhatTheServerAnswered) {
  EXPECT_THAT(get("/plain/b"), Failed(server_.url("/plain/b"), "returned error: 404"));
  EXPECT_THAT(get("/status/503/a"), Failed(server_.url("/status/503/a"), "returned error: 503"));
}

TEST_F(Download, WritesNoErrorPageIntoTheFile) {
  get("/status/404/a");
  EXPECT_EQ(read_file(part_), "");
}

TEST_F(Download, KeepsWhatIsThereFromALoginPage) {
  server_.put("b", "a login page");
  put_part("xxx");
  EXPECT_THAT(get("/norange/b"), Failed(server_.url("/norange/b"), "has not the 100,000"));
  EXPECT_EQ(read_file(part_), "xxx");
}

TEST_F(Download, StopsAFileThatIsTooLarge) {
  server_.put("b", bytes_ + bytes_);
  for (const std::string url : {"/nolength/0/b", "/plain/b"}) {
    EXPECT_THAT(get(url), Failed(server_.url(url), "has not the 100,000 published bytes"));
    EXPECT_LE(std::filesystem::file_size(part_), 100'000U);
  }
}

TEST_F(Download, FollowsTenRedirects) {
  EXPECT_FALSE(get("/redirect/10/a"));
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Download, FollowsNoMoreThanTenRedirects) {
  EXPECT_THAT(get("/redirect/11/a"),
              Failed(server_.url("/redirect/11/a"), "Maximum (10) redirects"));
}

TEST_F(Download, FollowsNoRedirectAwayFromHttp) {
  EXPECT_THAT(get("/ftp/a"), Failed(server_.url("/ftp/a"), "ftp"));
  EXPECT_EQ(read_file(part_), "");
}

TEST_F(Download, ReadsNoLocalFile) {
  const std::string url = "file://" DCGAN_SOURCE_DIR "/LICENSE";
  EXPECT_THAT(get_url(url), Failed(url, ""));
  EXPECT_EQ(read_file(part_), "");
}

TEST_F(Download, EndsWhenNothingComes) {
  EXPECT_THAT(get("/stall/0/a", 1), Failed(server_.url("/stall/0/a"), "Operation too slow"));
}

TEST_F(Download, EndsWhenNoConnectionStands) {
  const SilentPort port(/*listens=*/true);
  const std::string url = "https://127.0.0.1:" + port.port() + "/a";
  EXPECT_THAT(get_url(url, 1), Failed(url, ""));
}

TEST_F(Download, SaysThatTheConnectionIsRefused) {
  const SilentPort port(/*listens=*/false);
  const std::string url = "http://127.0.0.1:" + port.port() + "/a";
  EXPECT_THAT(get_url(url), Failed(url, "Failed to connect to 127.0.0.1 port "));
}

TEST_F(Download, SaysThatTheHostIsNotFound) {
  EXPECT_THAT(get_url("http://host.invalid/a"),
              Failed("http://host.invalid/a", "Could not resolve host: host.invalid"));
}

TEST_F(Download, SaysThatTheProxyIsNotFound) {
  const Variable proxy("http_proxy", "http://host.invalid:3128");
  EXPECT_THAT(get("/plain/a"), Failed(server_.url("/plain/a"), "resolve proxy: host.invalid"));
}

TEST_F(Download, AsksTheProxyOfTheEnvironment) {
  const Variable proxy("http_proxy", server_.url(""));
  EXPECT_FALSE(get_url("http://host.invalid/plain/a"));
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Download, PrintsNoPassword) {
  const std::string url = "http://me:secret@127.0.0.1:" + server_.port() + "/plain/b";
  EXPECT_THAT(get_url(url), Failed(server_.url("/plain/b"), ""));
}

TEST_F(Download, SaysThatItMayNotWrite) {
  const std::string folder = (folder_ / "shut").string();
  std::filesystem::create_directory(folder);
  ASSERT_EQ(chmod(folder_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(folder.c_str(), 0555), 0);
  part_ = std::filesystem::path(folder) / "a.part";
  EXPECT_EQ(error_in_child([&] {
              testing::leave_root();
              get("/plain/a");
            }),
            part_.string() + ": cannot be written: no permission");
}

TEST_F(Download, SaysThatTheFileMayNotGrow) {
  EXPECT_EQ(error_in_child([&] {
              testing::limit_file_size(65'536);
              get("/plain/a");
            }),
            part_.string() +
                ": cannot be written: it would be larger than files may be here; see 'ulimit -f'");
}

TEST_F(Download, SaysThatTheDiskIsFull) {
  const testing::SmallDisk disk(folder_ / "disk", 64);
  if (!disk.mounted()) GTEST_SKIP() << "a tmpfs cannot be mounted here: " << disk.reason();
  part_ = folder_ / "disk/a.part";
  EXPECT_EQ(
      error_in_child([&] { get("/plain/a"); }),
      part_.string() + ": cannot be written: the disk is full; free some space and try again");
}

/// The same over TLS, with a certificate that nobody knows.
class SecureDownload : public ::testing::Test {
 protected:
  SecureDownload() { server_.put("a", "text"); }

  std::optional<Error> get() const {
    return download(server_.url("/plain/a"), part_, {"a", 4, sha256_of("text")}, {});
  }
  static std::string write_certificate(const std::filesystem::path& path) {
    write_file_atomically(path, testing::make_certificate());
    return path.string();
  }

  PlainNetwork network_;
  TempFolder folder_;
  std::string certificate_ = write_certificate(folder_ / "certificate.pem");
  Server server_{certificate_};
  std::filesystem::path part_ = folder_ / "a.part";
};

TEST_F(SecureDownload, RefusesAnUnknownCertificate) {
  EXPECT_THAT(get(), Failed(server_.url("/plain/a"), "certificate"));
  EXPECT_EQ(read_file(part_), "");
}

TEST_F(SecureDownload, TakesTheCertificatesOfTheEnvironment) {
  for (const char* const name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {
    const Variable variable(name, certificate_);
    std::filesystem::remove(part_);
    EXPECT_FALSE(get()) << name;
    EXPECT_EQ(read_file(part_), "text");
  }
}

}  // namespace
}  // namespace dcgan
