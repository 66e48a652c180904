#include "fetch/unpack.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <iterator>

#include "base/file.h"
#include "fetch/archives.h"
#include "support/child_process.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::error_in_child;
using testing::gz;
using testing::noise;
using testing::sha256_of;
using ::testing::StartsWith;
using testing::tar_entry;
using testing::tar_gz;
using testing::TarEntry;
using testing::TempFolder;

/// A set of "a.bin" and "b.bin" and, if they are there, names in "names.txt".
class Unpack : public ::testing::Test {
 protected:
  Unpack() { make_folder(out_); }

  std::string unpack_all(const std::string& archive) {
    for (const auto& entry : std::filesystem::directory_iterator(out_)) {
      std::filesystem::remove(entry.path());
    }
    write_file_atomically(archive_, archive, Flush::no);
    return unpack(archive_, files_, out_);
  }
  std::string unpack_with(const TarEntry& entry) {
    return unpack_all(tar_gz({{"set/a.bin", a_}, entry, {"set/b.bin", b_}}));
  }
  std::ptrdiff_t files_in(const std::filesystem::path& folder) const {
    return std::distance(std::filesystem::directory_iterator(folder), {});
  }

  std::string a_ = noise(300'000);
  std::string b_ = noise(1000, 2);
  std::vector<UnpackedFile> files_{
      {"a.bin", 300'000, sha256_of(a_)}, {"b.bin", 1000, sha256_of(b_)}, {"names.txt", 100, ""}};
  TempFolder folder_;
  std::filesystem::path archive_ = folder_ / "set.tar.gz";
  std::filesystem::path out_ = folder_ / "out";
};

TEST_F(Unpack, TakesTheFilesOutOfTheirFolder) {
  EXPECT_EQ(unpack_all(tar_gz({{"set/", "", '5'},
                               {"set/b.bin", b_},
                               {"set/names.txt", "cat\ndog\n"},
                               {"set/a.bin", a_}})),
            "");
  EXPECT_EQ(read_file(out_ / "a.bin"), a_);
  EXPECT_EQ(read_file(out_ / "b.bin"), b_);
  EXPECT_EQ(read_file(out_ / "names.txt"), "cat\ndog\n");
}

TEST_F(Unpack, TakesFilesAtTheTop) {
  EXPECT_EQ(unpack_all(tar_gz({{"a.bin", a_}, {"./b.bin", b_}})), "");
  EXPECT_EQ(files_in(out_), 2);
}

TEST_F(Unpack, PassesOverWhatIsNotOfTheSet) {
  EXPECT_EQ(unpack_with({"set/readme.html", "text"}), "");
  EXPECT_EQ(files_in(out_), 2);
}

TEST_F(Unpack, TakesNothingFromDeeperFolders) {
  EXPECT_EQ(unpack_with({"set/old/a.bin", "other"}), "");
  EXPECT_EQ(read_file(out_ / "a.bin"), a_);
}

TEST_F(Unpack, ReadsFromMemory) {
  EXPECT_EQ(unpack_bytes(tar_gz({{"a.bin", a_}, {"b.bin", b_}}), files_, out_), "");
  EXPECT_EQ(read_file(out_ / "a.bin"), a_);
}

TEST_F(Unpack, RefusesAPathThatClimbsOut) {
  EXPECT_EQ(unpack_with({"../a.bin", "evil"}),
            "holds '../a.bin', a path that leads out of its folder");
  EXPECT_EQ(unpack_with({"set/../../b.bin", "evil"}),
            "holds 'set/../../b.bin', a path that leads out of its folder");
  EXPECT_EQ(files_in(folder_.path()), 2);
}

TEST_F(Unpack, RefusesAnAbsolutePath) {
  const std::string target = (folder_ / "evil").string();
  EXPECT_EQ(unpack_with({target, "evil"}),
            "holds '" + target + "', a path that leads out of its folder");
  EXPECT_FALSE(std::filesystem::exists(target));
}

TEST_F(Unpack, RefusesLinks) {
  EXPECT_EQ(unpack_with({"set/l", "", '2', "/etc/passwd"}), "holds 'set/l', a symbolic link");
  EXPECT_EQ(unpack_with({"set/l", "", '1', "set/a.bin"}), "holds 'set/l', a hard link");
  EXPECT_EQ(unpack_with({"set/b.bin", "", '2', "/etc/passwd"}),
            "holds 'set/b.bin', a symbolic link");
}

TEST_F(Unpack, RefusesDevicesAndPipes) {
  EXPECT_EQ(unpack_with({"set/d", "", '3'}), "holds 'set/d', a device, a pipe or a socket");
  EXPECT_EQ(unpack_with({"set/p", "", '6'}), "holds 'set/p', a device, a pipe or a socket");
}

TEST_F(Unpack, RefusesAFileTwice) {
  EXPECT_EQ(unpack_with({"other/a.bin", a_}), "holds 'a.bin' twice");
}

TEST_F(Unpack, RefusesAFileThatIsTooLarge) {
  EXPECT_EQ(unpack_all(tar_gz({{"a.bin", a_ + "x"}, {"b.bin", b_}})),
            "holds 'a.bin' with more than 300,000 bytes");
  EXPECT_LE(std::filesystem::file_size(out_ / "a.bin"), 300'000U);
}

TEST_F(Unpack, RefusesAFileThatIsTooSmall) {
  EXPECT_EQ(unpack_all(tar_gz({{"a.bin", a_}, {"b.bin", "b"}})),
            "holds 'b.bin' with 1 bytes, not 1,000");
}

TEST_F(Unpack, RefusesAFileOfAnotherSum) {
  EXPECT_EQ(unpack_all(tar_gz({{"a.bin", a_}, {"b.bin", noise(1000, 3)}})),
            "holds 'b.bin' with another SHA-256 than the published one");
}

TEST_F(Unpack, RefusesAListOfNamesThatIsTooLarge) {
  EXPECT_EQ(unpack_with({"set/names.txt", std::string(101, 'x')}),
            "holds 'names.txt' with more than 100 bytes");
}

TEST_F(Unpack, StopsABombOfBytes) {
  EXPECT_EQ(unpack_with({"set/bomb", std::string(2 << 20, '\0')}),
            "holds more than 1.0 MiB that is not of the set");
}

TEST_F(Unpack, StopsABombOfFiles) {
  std::vector<TarEntry> entries;
  for (int i = 0; i < 1000; ++i) entries.push_back({"f" + std::to_string(i), ""});
  EXPECT_EQ(unpack_all(tar_gz(entries)), "holds more than 67 files");
}

TEST_F(Unpack, SaysWhatIsMissing) {
  EXPECT_EQ(unpack_all(tar_gz({{"set/a.bin", a_}})), "lacks 'b.bin'");
}

TEST_F(Unpack, RefusesWhatIsNoArchive) {
  for (const std::string& bytes : {std::string(), std::string("text"), gz("text"), noise(5000)}) {
    EXPECT_THAT(unpack_all(bytes), StartsWith("is damaged or cut short ("));
  }
}

TEST_F(Unpack, RefusesAnArchiveThatIsCutAnywhere) {
  const std::string whole = tar_gz({{"set/a.bin", a_.substr(0, 3000)}, {"set/b.bin", b_}});
  files_[0] = {"a.bin", 3000, sha256_of(a_.substr(0, 3000))};
  ASSERT_EQ(unpack_all(whole), "");
  const std::size_t last_needed = whole.size() - 64;  // behind it lie empty blocks and the CRC
  for (std::size_t length = 0; length < last_needed; length += 37) {
    EXPECT_NE(unpack_all(whole.substr(0, length)), "") << length;
  }
}

TEST_F(Unpack, RefusesAHeaderThatPromisesTooMuch) {
  const std::string tar = tar_entry({"set/a.bin", a_, '0', "", std::int64_t{1} << 32});
  EXPECT_THAT(unpack_all(gz(tar)), StartsWith("is damaged or cut short ("));
}

TEST_F(Unpack, HidesControlCharactersOfNames) {
  EXPECT_EQ(unpack_with({"../\x1b[2J", "evil"}),
            "holds '../?[2J', a path that leads out of its folder");
}

TEST_F(Unpack, SaysThatTheDiskIsFull) {
  const testing::SmallDisk disk(folder_ / "disk", 64);
  if (!disk.mounted()) GTEST_SKIP() << "a tmpfs cannot be mounted here: " << disk.reason();
  out_ = folder_ / "disk";
  EXPECT_EQ(testing::error_of([&] {
              unpack_all(tar_gz({{"a.bin", a_}, {"b.bin", b_}}));
            }),
            (out_ / "a.bin").string() +
                ": cannot be written: the disk is full; free some space and try again");
}

TEST_F(Unpack, SaysThatAFileMayNotGrow) {
  write_file_atomically(archive_, tar_gz({{"a.bin", a_}, {"b.bin", b_}}));
  EXPECT_EQ(error_in_child([&] {
              testing::limit_file_size(65'536);
              unpack(archive_, files_, out_);
            }),
            (out_ / "a.bin").string() +
                ": cannot be written: it would be larger than files may be here (see 'ulimit -f')");
}

TEST_F(Unpack, SaysThatTheArchiveIsNotThere) {
  EXPECT_EQ(testing::error_of([&] { unpack(archive_, files_, out_); }),
            archive_.string() + ": no such file");
}

}  // namespace
}  // namespace dcgan
