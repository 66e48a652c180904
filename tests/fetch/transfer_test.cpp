#include "fetch/transfer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "base/file.h"
#include "fetch/archives.h"
#include "fetch/certificate.h"
#include "fetch/server.h"
#include "support/child_process.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using ::testing::EndsWith;
using testing::error_in_child;
using testing::noise;
using testing::PlainNetwork;
using testing::Server;
using testing::SilentPort;
using ::testing::StartsWith;
using testing::TempFolder;
using testing::Variable;

constexpr const char* kOtherSource = "; name another source with --mirror URL";

/// A server with the file "a" of 100,000 bytes.
class Transfer : public ::testing::Test {
 protected:
  Transfer() { server_.put("a", bytes_); }

  std::string get(const std::string& path, const TransferLimits& limits = {}) {
    return get_url(server_.url(path), limits);
  }
  std::string get_url(const std::string& url, const TransferLimits& limits = {}) {
    return transfer(url, part_, static_cast<std::int64_t>(bytes_.size()), limits, {});
  }
  void put_part(const std::string& bytes) const { write_file_atomically(part_, bytes); }

  PlainNetwork network_;
  std::string bytes_ = noise(100'000);
  Server server_;
  TempFolder folder_;
  std::filesystem::path part_ = folder_ / "a.part";
};

TEST_F(Transfer, BringsEveryByte) {
  EXPECT_EQ(get("/plain/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Transfer, BringsEveryByteWithoutALength) {
  EXPECT_EQ(get("/nolength/0/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Transfer, TellsHowFarItIs) {
  std::vector<TransferProgress> seen;
  transfer(server_.url("/plain/a"), part_, 100'000, {},
           [&](const TransferProgress& progress) { seen.push_back(progress); });
  ASSERT_FALSE(seen.empty());
  EXPECT_EQ(seen.back().file, "a");
  EXPECT_EQ(seen.back().done, 100'000);
  EXPECT_EQ(seen.back().total, 100'000);
  EXPECT_GT(seen.back().bytes_per_second, 0);
}

TEST_F(Transfer, GoesOnBehindWhatIsThere) {
  put_part(bytes_.substr(0, 40'000));
  EXPECT_EQ(get("/plain/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
  EXPECT_EQ(server_.requests(), "/plain/a bytes=40000-\n");
}

TEST_F(Transfer, StartsAnewWhereTheServerIgnoresTheRange) {
  put_part("xxx");
  EXPECT_EQ(get("/norange/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Transfer, StartsAnewWhereTheServerRefusesTheRange) {
  put_part("xxx");
  EXPECT_EQ(get("/refuse/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
  EXPECT_EQ(server_.requests(), "/refuse/a bytes=3-\n/refuse/a\n");
}

TEST_F(Transfer, StartsAnewWhereTheRangeBeginsElsewhere) {
  put_part("xxx");
  EXPECT_EQ(get("/wrongrange/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Transfer, StartsAnewWhereThePartIsTooLarge) {
  put_part(bytes_ + "x");
  EXPECT_EQ(get("/plain/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
  EXPECT_EQ(server_.requests(), "/plain/a\n");
}

TEST_F(Transfer, AsksForNothingWhereThePartIsWhole) {
  put_part(bytes_);
  EXPECT_EQ(get("/plain/a"), "");
  EXPECT_EQ(server_.requests(), "");
}

TEST_F(Transfer, KeepsWhatCameBeforeACutAndGoesOn) {
  EXPECT_EQ(get("/cut/30000/a"), server_.url("/cut/30000/a") +
                                     ": the connection was cut after 30,000 of 100,000 bytes; run "
                                     "the same command again to go on from there");
  EXPECT_EQ(read_file(part_), bytes_.substr(0, 30'000));
  EXPECT_EQ(get("/plain/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Transfer, SeesACutWithoutALength) {
  EXPECT_EQ(
      get("/nolength/30000/a"),
      server_.url("/nolength/30000/a") +
          ": the connection was cut after 30,000 of 100,000 bytes; run the same command again "
          "to go on from there");
}

TEST_F(Transfer, KeepsWhatIsThereWhenTheNextCallFails) {
  put_part(bytes_.substr(0, 40'000));
  get("/status/500/a");
  EXPECT_EQ(read_file(part_), bytes_.substr(0, 40'000));
}

TEST_F(Transfer, SaysThatTheFileIsNotThere) {
  EXPECT_EQ(get("/plain/b"), server_.url("/plain/b") + ": is not there (HTTP 404)" + kOtherSource);
}

TEST_F(Transfer, SaysThatTheFileMayNotBeRead) {
  EXPECT_EQ(get("/status/403/a"),
            server_.url("/status/403/a") + ": may not be read (HTTP 403)" + kOtherSource);
}

TEST_F(Transfer, SaysThatTheServerFailed) {
  EXPECT_EQ(get("/status/500/a"),
            server_.url("/status/500/a") +
                ": the server answered with HTTP 500; try again later, or name another source with "
                "--mirror URL");
}

TEST_F(Transfer, WritesNoErrorPageIntoTheFile) {
  get("/status/404/a");
  EXPECT_EQ(read_file(part_), "");
}

TEST_F(Transfer, RefusesAFileOfAnotherSize) {
  server_.put("b", "a login page");
  put_part("xxx");
  EXPECT_EQ(get("/norange/b"),
            server_.url("/norange/b") + ": has 12 bytes, not 100,000 as published" + kOtherSource);
  EXPECT_EQ(read_file(part_), "xxx");
}

TEST_F(Transfer, RefusesTheRestOfAFileOfAnotherSize) {
  server_.put("b", bytes_ + "more");
  put_part("xxx");
  EXPECT_EQ(get("/plain/b"), server_.url("/plain/b") +
                                 ": has 100,004 bytes, not 100,000 as published" + kOtherSource);
}

TEST_F(Transfer, StopsAFileWithoutALengthThatGoesOn) {
  server_.put("b", bytes_ + bytes_);
  EXPECT_EQ(get("/nolength/0/b"), server_.url("/nolength/0/b") +
                                      ": has more than the 100,000 published bytes" + kOtherSource);
  EXPECT_LE(std::filesystem::file_size(part_), 100'000U);
}

TEST_F(Transfer, FollowsTenRedirects) {
  EXPECT_EQ(get("/redirect/10/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Transfer, FollowsNoMoreThanTenRedirects) {
  EXPECT_EQ(get("/redirect/11/a"),
            server_.url("/redirect/11/a") + ": is redirected more than 10 times" + kOtherSource);
}

TEST_F(Transfer, FollowsNoRedirectAwayFromHttp) {
  EXPECT_EQ(get("/ftp/a"),
            server_.url("/ftp/a") + ": leads to what is neither http nor https" + kOtherSource);
}

TEST_F(Transfer, ReadsNoLocalFile) {
  const std::string url = "file://" + part_.string();
  EXPECT_EQ(get_url(url), url + ": leads to what is neither http nor https" + kOtherSource);
}

TEST_F(Transfer, EndsWhenNothingComes) {
  EXPECT_EQ(get("/stall/30000/a", {.stall_seconds = 1}),
            server_.url("/stall/30000/a") +
                ": nothing came for 1 s; run the same command again to go on, or name another "
                "source with --mirror URL");
  EXPECT_EQ(read_file(part_), bytes_.substr(0, 30'000));
}

TEST_F(Transfer, EndsWhenNoConnectionStands) {
  const SilentPort port(/*listens=*/true);
  const std::string url = "https://127.0.0.1:" + port.port() + "/a";
  EXPECT_EQ(get_url(url, {.connect_seconds = 1}),
            url +
                ": no connection within 1 s; check the network, or name another source with "
                "--mirror URL");
}

TEST_F(Transfer, SaysThatTheConnectionIsRefused) {
  const SilentPort port(/*listens=*/false);
  const std::string url = "http://127.0.0.1:" + port.port() + "/a";
  EXPECT_EQ(get_url(url), url +
                              ": no connection to 127.0.0.1 (Connection refused); check the "
                              "network, or name another source with --mirror URL");
}

TEST_F(Transfer, SaysThatTheHostIsNotFound) {
  EXPECT_EQ(get_url("http://host.invalid/a"),
            "http://host.invalid/a: the host host.invalid was not found; check the name and the "
            "network, or name another source with --mirror URL");
}

TEST_F(Transfer, SaysThatTheProxyIsNotFound) {
  const Variable proxy("http_proxy", "http://host.invalid:3128");
  EXPECT_EQ(get("/plain/a"),
            server_.url("/plain/a") +
                ": the proxy's host was not found; check https_proxy and http_proxy");
}

TEST_F(Transfer, AsksTheProxyOfTheEnvironment) {
  const Variable proxy("http_proxy", server_.url(""));
  EXPECT_EQ(get_url("http://host.invalid/plain/a"), "");
  EXPECT_EQ(read_file(part_), bytes_);
}

TEST_F(Transfer, PrintsNoPassword) {
  const std::string url = "http://me:secret@127.0.0.1:" + server_.port() + "/plain/b";
  EXPECT_EQ(get_url(url), server_.url("/plain/b") + ": is not there (HTTP 404)" + kOtherSource);
}

TEST(ShownUrl, KeepsAnAtSignOfThePath) {
  EXPECT_EQ(shown_url("http://a:b@host/x@y"), "http://host/x@y");
  EXPECT_EQ(shown_url("https://host/x@y"), "https://host/x@y");
}

TEST_F(Transfer, SaysThatItMayNotWrite) {
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

TEST_F(Transfer, SaysThatTheFileMayNotGrow) {
  EXPECT_EQ(error_in_child([&] {
              testing::limit_file_size(65'536);
              get("/plain/a");
            }),
            part_.string() +
                ": cannot be written: it would be larger than files may be here (see 'ulimit -f')");
}

TEST_F(Transfer, SaysThatTheDiskIsFull) {
  const testing::SmallDisk disk(folder_ / "disk", 64);
  if (!disk.mounted()) GTEST_SKIP() << "a tmpfs cannot be mounted here: " << disk.reason();
  part_ = folder_ / "disk/a.part";
  EXPECT_EQ(
      error_in_child([&] { get("/plain/a"); }),
      part_.string() + ": cannot be written: the disk is full; free some space and try again");
}

TEST_F(Transfer, WritesThroughNoLink) {
  put_part("mine");
  std::filesystem::create_symlink(part_, folder_ / "link");
  const auto target = part_;
  part_ = folder_ / "link";
  EXPECT_EQ(error_in_child([&] { get("/plain/a"); }),
            part_.string() + ": is a link; remove it and try again");
  EXPECT_EQ(read_file(target), "mine");
}

/// The same over TLS, with a certificate that nobody knows.
class SecureTransfer : public ::testing::Test {
 protected:
  SecureTransfer() { server_.put("a", "text"); }

  std::string get() const { return transfer(server_.url("/plain/a"), part_, 4, {}, {}); }
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

TEST_F(SecureTransfer, RefusesAnUnknownCertificate) {
  const std::string problem = get();
  EXPECT_THAT(problem, StartsWith(server_.url("/plain/a") + ": the secure connection failed ("));
  EXPECT_THAT(problem, EndsWith("); check the clock and the certificates (CURL_CA_BUNDLE, "
                                "SSL_CERT_FILE), or name another source with --mirror URL"));
  EXPECT_EQ(read_file(part_), "");
}

TEST_F(SecureTransfer, TakesTheCertificatesOfTheEnvironment) {
  for (const char* const name : {"SSL_CERT_FILE", "CURL_CA_BUNDLE"}) {
    const Variable variable(name, certificate_);
    std::filesystem::remove(part_);
    EXPECT_EQ(get(), "") << name;
    EXPECT_EQ(read_file(part_), "text");
  }
}

}  // namespace
}  // namespace dcgan
