#include "fetch/fetch.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "fetch/archives.h"
#include "fetch/server.h"
#include "support/child_process.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::ElementsAre;
using testing::error_in_child;
using testing::gz;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsError;
using testing::noise;
using testing::PlainNetwork;
using testing::Server;
using testing::tar_gz;
using testing::TempFolder;
namespace fs = std::filesystem;

/// What fails at a source, whose URL is `where`.
template <typename Problem>
auto IsSourceError(const std::string& where, Problem problem) {
  return IsError(
      ErrorKind::failure, where, problem,
      ::testing::AllOf(HasSubstr("run the same command again"), HasSubstr("--mirror URL")));
}

KnownFile known_file(const std::string& name, const std::string& bytes) {
  return {
      .name = name, .bytes = static_cast<std::int64_t>(bytes.size()), .sha256 = sha256_of(bytes)};
}

std::string size_text(const std::string& bytes) {
  return format_bytes(static_cast<std::int64_t>(bytes.size()));
}

/// A server, an empty folder to fetch into, and what fetching said.
class Fetching : public ::testing::Test {
 protected:
  void fetch() { fetch_from({server_.url("/plain")}); }
  void fetch_from(const std::vector<std::string>& sources) {
    options_.sources = sources;
    options_.on_line = [this](const std::string& line) { lines_.push_back(line); };
    fetch_set(set_, options_);
  }
  Error error() {
    return caught([&] { fetch(); });
  }
  auto IsNotThePublishedOne(const std::string& name) const {
    return IsError(ErrorKind::failure, path(name), HasSubstr("is not the published file of small"),
                   ::testing::AllOf(HasSubstr("--to"), HasSubstr("--force")));
  }
  std::vector<std::string> names() const {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(options_.folder)) {
      names.push_back(entry.path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
  }
  std::string path(const std::string& name) const { return (options_.folder / name).string(); }

  PlainNetwork network_;
  Server server_;
  TempFolder temp_;
  KnownSet set_{.name = "small"};
  FetchOptions options_{.folder = temp_ / "sets/small"};
  std::vector<std::string> lines_;
};

/// A set of two gz files, as MNIST has four.
class FetchFiles : public Fetching {
 protected:
  FetchFiles() {
    server_.put("a.gz", a_);
    server_.put("b.gz", b_);
    set_.files = {known_file("a.gz", a_), known_file("b.gz", b_)};
    set_.files[0].content_sha256 = sha256_of(content_);
  }

  std::string content_ = noise(100'000);
  std::string a_ = gz(content_);
  std::string b_ = gz(noise(1000, 2));
};

TEST_F(FetchFiles, BringsThemAndSaysSo) {
  fetch();
  EXPECT_THAT(names(), ElementsAre("a.gz", "b.gz"));
  EXPECT_EQ(read_file(path("a.gz")), a_);
  EXPECT_EQ(read_file(path("b.gz")), b_);
  EXPECT_THAT(lines_, ElementsAre(path("a.gz") + ": " + size_text(a_) + ", SHA-256 as published",
                                  path("b.gz") + ": " + size_text(b_) + ", SHA-256 as published"));
}

TEST_F(FetchFiles, TakesASourceWithASlashBehindIt) {
  fetch_from({server_.url("/plain/")});
  EXPECT_EQ(server_.requests(), "/plain/a.gz\n/plain/b.gz\n");
}

TEST_F(FetchFiles, ReplacesWhatHasNoPublishedSumByForceAlone) {
  set_.files[0].content_sha256 = "";
  make_folder(options_.folder);
  write_file_atomically(path("a"), "not compressed, and of no published sum");
  fetch();
  EXPECT_THAT(names(), ElementsAre("a", "b.gz"));
  EXPECT_EQ(lines_[0], path("a") + ": not checked: of this form no sum is published");
  options_.force = true;
  fetch();
  EXPECT_THAT(names(), ElementsAre("a.gz", "b.gz"));
}

TEST_F(FetchFiles, AsksForNothingWhenAllIsThere) {
  fetch();
  server_.forget_requests();
  fetch();
  EXPECT_EQ(server_.requests(), "");
}

TEST_F(FetchFiles, AsksForTheMissingOneOnly) {
  fetch();
  fs::remove(path("b.gz"));
  server_.forget_requests();
  fetch();
  EXPECT_EQ(server_.requests(), "/plain/b.gz\n");
}

TEST_F(FetchFiles, KeepsAFileThatHasTheContentInAnotherForm) {
  make_folder(options_.folder);
  write_file_atomically(path("a"), content_);
  fetch();
  EXPECT_THAT(names(), ElementsAre("a", "b.gz"));
}

TEST_F(FetchFiles, LeavesAWrongFileAlone) {
  make_folder(options_.folder);
  write_file_atomically(path("b.gz"), "mine");
  EXPECT_THAT(error(), IsNotThePublishedOne("b.gz"));
  EXPECT_EQ(read_file(path("b.gz")), "mine");
  EXPECT_EQ(server_.requests(), "");
}

TEST_F(FetchFiles, ReplacesAWrongFileUnderForce) {
  make_folder(options_.folder);
  write_file_atomically(path("b.gz"), "mine");
  options_.force = true;
  fetch();
  EXPECT_EQ(read_file(path("b.gz")), b_);
}

TEST_F(FetchFiles, RemovesAWrongFileThatWouldBeReadInsteadUnderForce) {
  make_folder(options_.folder);
  write_file_atomically(path("a"), "mine");
  options_.force = true;
  fetch();
  EXPECT_THAT(names(), ElementsAre("a.gz", "b.gz"));
}

TEST_F(FetchFiles, KeepsAWrongFileUnderForceUntilTheNewOneIsThere) {
  make_folder(options_.folder);
  write_file_atomically(path("a.gz"), "mine");
  options_.force = true;
  EXPECT_THROW(fetch_from({server_.url("/cut/100")}), Error);
  EXPECT_EQ(read_file(path("a.gz")), "mine");
}

TEST_F(FetchFiles, RefusesAWrongSumAndBeginsAnewNextTime) {
  std::string bad = a_;
  bad[50] ^= 1;
  server_.put("a.gz", bad);
  EXPECT_THAT(error(), IsSourceError(server_.url("/plain/a.gz"),
                                     HasSubstr(sha256_of(bad) + ", not " + sha256_of(a_))));
  EXPECT_THAT(names(), IsEmpty());
  server_.put("a.gz", a_);
  fetch();
  EXPECT_EQ(read_file(path("a.gz")), a_);
}

TEST_F(FetchFiles, BeginsAnewWhereAnEarlierPartWasOfAnotherFile) {
  make_folder(options_.folder);
  write_file_atomically(path("a.gz.part"), "xxx");
  fetch();
  EXPECT_EQ(read_file(path("a.gz")), a_);
  EXPECT_EQ(server_.requests(), "/plain/a.gz bytes=3-\n/plain/a.gz\n/plain/b.gz\n");
}

TEST_F(FetchFiles, KeepsThePartOfACutConnectionAndResumes) {
  EXPECT_THAT(caught([&] { fetch_from({server_.url("/cut/100")}); }),
              IsSourceError(server_.url("/cut/100/a.gz"), ::testing::_));
  EXPECT_THAT(names(), ElementsAre("a.gz.part"));
  fetch();
  EXPECT_EQ(read_file(path("a.gz")), a_);
  EXPECT_THAT(names(), ElementsAre("a.gz", "b.gz"));
}

TEST_F(FetchFiles, TriesTheNextSource) {
  const std::string bad = server_.url("/status/503");
  fetch_from({bad, server_.url("/plain")});
  EXPECT_EQ(read_file(path("a.gz")), a_);
  ASSERT_EQ(lines_.size(), 4U);
  EXPECT_EQ(lines_[0],
            bad + "/a.gz: The requested URL returned error: 503; trying the next source");
}

TEST_F(FetchFiles, GoesOnWithTheNextSourceWhereOneWasCut) {
  fetch_from({server_.url("/cut/100"), server_.url("/plain")});
  EXPECT_EQ(read_file(path("a.gz")), a_);
  EXPECT_THAT(server_.requests(), ::testing::StartsWith("/cut/100/a.gz\n/plain/a.gz bytes=100-\n"));
}

TEST_F(FetchFiles, SaysWhatEverySourceSaid) {
  const Error error = caught([&] {
    fetch_from({server_.url("/status/404"), server_.url("/status/403")});
  });
  EXPECT_THAT(error, IsSourceError(server_.url("/status/404/a.gz"), HasSubstr("404")));
  EXPECT_THAT(error.others(),
              ElementsAre(IsError(ErrorKind::failure, server_.url("/status/403/a.gz"),
                                  HasSubstr("403"), "")));
  EXPECT_THAT(names(), IsEmpty());
}

TEST_F(FetchFiles, SaysThatTheFolderCannotBeMade) {
  write_file_atomically(temp_ / "sets", "");
  EXPECT_THAT(error(), IsError(ErrorKind::failure, options_.folder,
                               HasSubstr("the folder cannot be made: "), ""));
}

TEST_F(FetchFiles, SaysThatItMayNotWriteThere) {
  make_folder(options_.folder);
  ASSERT_EQ(chmod(temp_.path().c_str(), 0755), 0);
  ASSERT_EQ(chmod(options_.folder.c_str(), 0555), 0);
  EXPECT_EQ(error_in_child([&] {
              testing::leave_root();
              fetch();
            }),
            path("a.gz.part") + ": cannot be written: no permission");
  chmod(options_.folder.c_str(), 0755);
}

TEST_F(FetchFiles, KeepsTwoProgramsOutOfOneFolder) {
  make_folder(options_.folder);
  const int other = open(options_.folder.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(flock(other, LOCK_EX), 0);
  EXPECT_THAT(error(), IsError(ErrorKind::failure, options_.folder, HasSubstr("another dcgan"),
                               "wait until it is done"));
  close(other);
  fetch();
}

TEST_F(FetchFiles, EndsAtOnceOnCtrlCAndGoesOnLater) {
  make_folder(options_.folder);
  const pid_t child = fork();
  if (child == 0) {
    try {
      fetch_from({server_.url("/stall/5000")});
    } catch (...) {
    }
    _exit(0);
  }
  const auto size = [&] {
    std::error_code error;
    const auto bytes = fs::file_size(path("a.gz.part"), error);
    return error ? 0 : bytes;
  };
  for (int i = 0; i < 1000 && size() < 5000; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  kill(child, SIGINT);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
  EXPECT_EQ(read_file(path("a.gz.part")), a_.substr(0, 5000));
  server_.forget_requests();
  fetch();
  EXPECT_EQ(server_.requests(), "/plain/a.gz bytes=5000-\n/plain/b.gz\n");
  EXPECT_EQ(read_file(path("a.gz")), a_);
}

/// A set in one archive, as CIFAR is.
class FetchArchive : public Fetching {
 protected:
  FetchArchive() { put_archive(archive_); }

  void put_archive(const std::string& bytes) {
    server_.put("set.tar.gz", bytes);
    set_.archive = known_file("set.tar.gz", bytes);
    set_.files = {{"one.bin", 100'000, sha256_of(one_)},
                  {"two.bin", 1000, sha256_of(two_)},
                  {"names.txt", 100, ""}};
  }

  std::string one_ = noise(100'000);
  std::string two_ = noise(1000, 2);
  std::string archive_ = tar_gz({{"batches/", "", '5'},
                                 {"batches/one.bin", one_},
                                 {"batches/two.bin", two_},
                                 {"batches/names.txt", "cat\n"}});
};

TEST_F(FetchArchive, LeavesOnlyItsFiles) {
  fetch();
  EXPECT_THAT(names(), ElementsAre("names.txt", "one.bin", "two.bin"));
  EXPECT_EQ(read_file(path("one.bin")), one_);
  EXPECT_THAT(lines_, ElementsAre(path("set.tar.gz") + ": " + size_text(archive_) +
                                  ", SHA-256 as published"));
}

TEST_F(FetchArchive, AsksForNothingWhenItsFilesAreThere) {
  fetch();
  server_.forget_requests();
  fetch();
  EXPECT_EQ(server_.requests(), "");
}

TEST_F(FetchArchive, ComesAgainWhenOneOfItsFilesIsMissing) {
  fetch();
  fs::remove(path("two.bin"));
  fetch();
  EXPECT_EQ(read_file(path("two.bin")), two_);
}

TEST_F(FetchArchive, LeavesAWrongFileAloneWithoutForce) {
  make_folder(options_.folder);
  write_file_atomically(path("two.bin"), "mine");
  EXPECT_THAT(error(), IsNotThePublishedOne("two.bin"));
  options_.force = true;
  fetch();
  EXPECT_EQ(read_file(path("two.bin")), two_);
}

TEST_F(FetchArchive, UnpacksNothingOfADamagedOne) {
  put_archive(archive_.substr(0, archive_.size() / 2));
  EXPECT_THAT(error(), IsError(ErrorKind::damaged, path("set.tar.gz.part"),
                               HasSubstr("damaged or cut short"), HasSubstr("remove it and run")));
  EXPECT_THAT(names(), ElementsAre("set.tar.gz.part"));
}

TEST_F(FetchArchive, KeepsTheDownloadWhereThereIsNoRoomToUnpack) {
  // The archive of zeros is small, what is in it is not.
  one_ = std::string(100'000, '\0');
  put_archive(tar_gz({{"one.bin", one_}, {"two.bin", two_}}));
  EXPECT_EQ(error_in_child([&] {
              testing::limit_file_size(65'536);
              fetch();
            }),
            path("one.bin") +
                ": cannot be written: it would be larger than files may be here; see 'ulimit -f'");
  EXPECT_THAT(names(), ElementsAre("set.tar.gz.part"));
  server_.forget_requests();
  fetch();
  EXPECT_EQ(server_.requests(), "");
  EXPECT_THAT(names(), ElementsAre("one.bin", "two.bin"));
}

}  // namespace
}  // namespace dcgan
