#include "base/file.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <thread>

#include "support/child_process.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::ElementsAre;
using testing::error_in_child;
using ::testing::HasSubstr;
using testing::IsError;
using testing::SmallDisk;
using testing::TempFolder;

auto Failed(const std::filesystem::path& where, const std::string& problem,
            const std::string& remedy = "") {
  return IsError(ErrorKind::failure, where, HasSubstr(problem), remedy);
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

TEST(ReadFile, ReturnsEveryByte) {
  const TempFolder folder;
  std::string bytes;
  for (int i = 0; i < 100'000; ++i) bytes += static_cast<char>(i * 7 % 256);
  std::ofstream(folder / "a", std::ios::binary) << bytes;
  EXPECT_EQ(read_file(folder / "a"), bytes);
}

TEST(ReadFile, ReadsAnEmptyFile) {
  const TempFolder folder;
  std::ofstream(folder / "a").close();
  EXPECT_EQ(read_file(folder / "a"), "");
}

TEST(ReadFile, ReadsAFileWhoseSizeIsNotKnownBefore) {
  EXPECT_NE(read_file("/proc/self/status").find("VmRSS"), std::string::npos);
}

TEST(ReadFile, NamesAFileThatDoesNotExist) {
  const TempFolder folder;
  EXPECT_THAT(caught([&] { read_file(folder / "a"); }), Failed(folder / "a", "no such file"));
}

TEST(RequireFolder, SaysWhatIsThereInItsPlace) {
  const TempFolder folder;
  require_folder(folder.path(), "do that");
  std::ofstream(folder / "file").close();
  for (const auto& [name, problem] : {std::pair{"none", "no such folder"},
                                      {"file", "is not a folder"},
                                      {"file/none", "no such folder"}}) {
    EXPECT_THAT(caught([&, &path = name] { require_folder(folder / path, "do that"); }),
                Failed(folder / name, problem, "do that"));
  }
}

TEST(ReadFile, ReadsAPipeToItsEnd) {
  const TempFolder folder;
  ASSERT_EQ(mkfifo((folder / "a").c_str(), 0600), 0);
  std::thread writer([&] { std::ofstream(folder / "a") << std::string(100'000, 'x'); });
  EXPECT_EQ(read_file(folder / "a"), std::string(100'000, 'x'));
  writer.join();
}

TEST(ReadFile, RefusesAFolder) {
  const TempFolder folder;
  EXPECT_THAT(caught([&] { read_file(folder.path()); }),
              Failed(folder.path(), "is a folder, not a file"));
}

TEST(WriteFileAtomically, WritesEveryByte) {
  const TempFolder folder;
  const std::string bytes("\0\1\n\xff", 4);
  write_file_atomically(folder / "a", bytes);
  EXPECT_EQ(read_file(folder / "a"), bytes);
}

TEST(WriteFileAtomically, ReplacesAnExistingFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "a longer old text");
  write_file_atomically(folder / "a", "new");
  EXPECT_EQ(read_file(folder / "a"), "new");
}

TEST(WriteFileAtomically, LeavesNoOtherFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "new");
  EXPECT_THAT(names_in(folder.path()), ElementsAre("a"));
}

TEST(WriteFileAtomically, LetsTheUmaskDecideWhoMayRead) {
  const TempFolder folder;
  const mode_t before = umask(027);
  write_file_atomically(folder / "a", "new");
  umask(before);
  struct stat status {};
  ASSERT_EQ(stat((folder / "a").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0640U);
}

TEST(WriteFileAtomically, WritesANameAsLongAsTheFileSystemAllows) {
  const TempFolder folder;
  const std::string name(255, 'x');
  write_file_atomically(folder / name, "new");
  EXPECT_EQ(read_file(folder / name), "new");
}

TEST(WriteFileAtomically, IsWholeWhileManyThreadsWriteTheSameFile) {
  const TempFolder folder;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      const std::string text(10'000, static_cast<char>('a' + i));
      for (int round = 0; round < 5; ++round) write_file_atomically(folder / "a", text);
    });
  }
  for (auto& thread : threads) thread.join();
  const std::string text = read_file(folder / "a");
  EXPECT_EQ(text, std::string(10'000, text.at(0)));
}

TEST(WriteFileAtomically, SaysWhichFolderIsMissing) {
  const TempFolder folder;
  EXPECT_THAT(caught([&] { write_file_atomically(folder / "b/a.png", "new"); }),
              Failed(folder / "b/a.png", "there is no folder '" + (folder / "b").string() + "'",
                     "make it first"));
}

TEST(WriteFileAtomically, SaysThatThePathIsAFolder) {
  const TempFolder folder;
  std::filesystem::create_directory(folder / "a");
  EXPECT_THAT(caught([&] { write_file_atomically(folder / "a", "new"); }),
              Failed(folder / "a", "cannot be written: Is a directory"));
}

TEST(WriteFileAtomically, SaysThatAPartOfThePathIsAFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "");
  EXPECT_THAT(caught([&] { write_file_atomically(folder / "a/b", "new"); }),
              Failed(folder / "a/b", "cannot be written: a part of its path is a file"));
}

TEST(WriteFileAtomically, SaysThatThereIsNoPermission) {
  const TempFolder folder;
  ASSERT_EQ(chmod(folder.path().c_str(), 0555), 0);
  const std::string message = error_in_child([&] {
    constexpr uid_t kNobody = 65534;
    // root may write anywhere; the child gives that up.
    if (geteuid() == 0 && setuid(kNobody) != 0) throw std::runtime_error("cannot leave root");
    write_file_atomically(folder / "a", "new");
  });
  chmod(folder.path().c_str(), 0755);
  EXPECT_EQ(message, folder.path().string() + "/a: cannot be written: no permission");
}

class FullDisk : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!disk_.mounted()) GTEST_SKIP() << "a tmpfs cannot be mounted here: " << disk_.reason();
    write_file_atomically(file_, "old");
  }

  TempFolder folder_;
  SmallDisk disk_{folder_ / "disk", /*kib=*/64};
  std::filesystem::path file_ = folder_ / "disk/a";
  std::string too_much_ = std::string(1 << 20, 'x');
};

TEST_F(FullDisk, IsTheMessage) {
  EXPECT_THAT(caught([&] { write_file_atomically(file_, too_much_); }),
              Failed(file_, "the disk is full", "free some space and try again"));
}

TEST_F(FullDisk, LeavesTheOldFile) {
  EXPECT_THROW(write_file_atomically(file_, too_much_), Error);
  EXPECT_EQ(read_file(file_), "old");
}

TEST_F(FullDisk, LeavesNoTemporary) {
  EXPECT_THROW(write_file_atomically(file_, too_much_), Error);
  EXPECT_THAT(names_in(folder_ / "disk"), ElementsAre("a"));
}

/// The same without a right to mount: the process may not write more than 64 KiB to a file.
class LimitedFileSize : public ::testing::Test {
 protected:
  void SetUp() override {
    write_file_atomically(file_, "old");
    message_ = error_in_child([&] {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit limit{1 << 16, 1 << 16};
      setrlimit(RLIMIT_FSIZE, &limit);
      write_file_atomically(file_, std::string(1 << 20, 'x'));
    });
  }

  TempFolder folder_;
  std::filesystem::path file_ = folder_ / "a";
  std::string message_;
};

TEST_F(LimitedFileSize, IsTheMessage) {
  EXPECT_EQ(message_, file_.string() +
                          ": cannot be written: it would be larger than files may be here; see "
                          "'ulimit -f'");
}

TEST_F(LimitedFileSize, LeavesTheOldFile) { EXPECT_EQ(read_file(file_), "old"); }

TEST_F(LimitedFileSize, LeavesNoTemporary) {
  EXPECT_THAT(names_in(folder_.path()), ElementsAre("a"));
}

TEST(MakeFolder, MakesTheParents) {
  const TempFolder folder;
  make_folder(folder / "a/b/c");
  EXPECT_TRUE(std::filesystem::is_directory(folder / "a/b/c"));
}

TEST(MakeFolder, TakesAFolderThatIsThere) {
  const TempFolder folder;
  EXPECT_NO_THROW(make_folder(folder.path()));
}

TEST(MakeFolder, SaysThatAPartOfThePathIsAFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "");
  EXPECT_THAT(caught([&] { make_folder(folder / "a/b"); }),
              Failed(folder / "a/b", "the folder cannot be made: a part of its path is a file"));
}

TEST(IsNonEmptyFolder, IsFalseForAnEmptyFolder) {
  const TempFolder folder;
  EXPECT_FALSE(is_non_empty_folder(folder.path()));
}

TEST(IsNonEmptyFolder, CountsDotFiles) {
  const TempFolder folder;
  write_file_atomically(folder / ".a", "");
  EXPECT_TRUE(is_non_empty_folder(folder.path()));
}

TEST(IsNonEmptyFolder, IsFalseForAFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a", "text");
  EXPECT_FALSE(is_non_empty_folder(folder / "a"));
}

TEST(IsNonEmptyFolder, IsFalseForNothing) { EXPECT_FALSE(is_non_empty_folder("/nowhere/at/all")); }

}  // namespace
}  // namespace dcgan
