#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "fetch/archives.h"
#include "fetch/known_sets.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"
#include "support/unprivileged.h"

namespace dcgan {
namespace {

using testing::caught;
using testing::gz;
using ::testing::HasSubstr;
using testing::IsError;
using testing::noise;
using testing::TempFolder;

KnownSet make_set(const std::string& name, unsigned seed) {
  KnownSet set{.name = name, .images = "60 + 10", .shape = "2 x 3 x 1", .classes = "4"};
  for (const char* const file : {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}) {
    const std::string content = noise(500, seed++);
    set.files.push_back({.name = std::string(file) + ".gz",
                         .bytes = static_cast<std::int64_t>(gz(content).size()),
                         .sha256 = sha256_of(gz(content)),
                         .content_sha256 = sha256_of(content)});
  }
  return set;
}

/// A folder with the two files of the set "first", and a table with "first" and "second", whose
/// files have the same names.
class Verify : public ::testing::Test {
 protected:
  Verify() {
    put("train-images-idx3-ubyte.gz", gz(noise(500, 1)));
    put("train-labels-idx1-ubyte.gz", gz(noise(500, 2)));
  }

  void put(const std::string& name, const std::string& bytes) const {
    write_file_atomically(folder_ / name, bytes);
  }
  void rename(const std::string& from, const std::string& to) const {
    std::filesystem::rename(folder_ / from, folder_ / to);
  }
  void expect_refused(const std::string& name, const std::string& problem) const {
    EXPECT_THAT(caught([&] { verify_known(folder_ / name, sets_); }),
                IsError(ErrorKind::failure, folder_ / name, problem,
                        "name the folder that holds the files"));
  }
  /// Of the files of "first".
  std::vector<FileState> states() const {
    std::vector<FileState> states;
    for (const KnownFile& file : sets_[1].files) {
      states.push_back(check_file(file, folder_.path()));
    }
    return states;
  }

  TempFolder folder_;
  std::vector<KnownSet> sets_{make_set("second", 11), make_set("first", 1)};
};

using States = std::vector<FileState>;

// The examples of FIPS 180-4's companion, "SHA-256 Example Computations" (NIST).
TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_F(Verify, KnowsASetByItsSums) {
  const auto check = verify_known(folder_.path(), sets_);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->set->name, "first");
  EXPECT_TRUE(check->all_right);
  EXPECT_EQ(check->table,
            "file                        bytes  sum\n"
            "train-images-idx3-ubyte.gz    523  as published\n"
            "train-labels-idx1-ubyte.gz    523  as published\n"
            "first: all 2 files, 60 + 10 images of 2 x 3 x 1, 4 classes\n");
}

TEST_F(Verify, KnowsContentThatIsCompressedAnew) {
  const std::string images = noise(500, 1);
  put("train-images-idx3-ubyte.gz", gz(images.substr(0, 100)) + gz(images.substr(100)));
  EXPECT_EQ(states(), (States{FileState::same_content, FileState::right}));
}

TEST_F(Verify, KnowsContentThatIsNotCompressed) {
  put("train-images-idx3-ubyte", noise(500, 1));
  EXPECT_EQ(states(), (States{FileState::same_content, FileState::right}));
}

TEST_F(Verify, ChecksTheNameThatTrainingTakes) {
  put("train-images-idx3-ubyte", "wrong, and read before the right one");
  EXPECT_EQ(states(), (States{FileState::wrong, FileState::right}));
}

TEST_F(Verify, KnowsNamesWithADot) {
  rename("train-images-idx3-ubyte.gz", "train-images.idx3-ubyte.gz");
  EXPECT_EQ(states(), (States{FileState::right, FileState::right}));
}

TEST_F(Verify, FindsDamage) {
  std::string damaged = gz(noise(500, 1));
  damaged[200] ^= 1;
  put("train-images-idx3-ubyte.gz", damaged);
  EXPECT_EQ(states(), (States{FileState::wrong, FileState::right}));
  EXPECT_THAT(verify_known(folder_.path(), sets_)->table,
              HasSubstr("first: 1 of 2 files are as published\n"));
}

TEST_F(Verify, FindsAFileThatIsCutAnywhere) {
  const std::string whole = gz(noise(500, 1));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_file_atomically(folder_ / "train-images-idx3-ubyte.gz", whole.substr(0, length),
                          Flush::no);
    EXPECT_EQ(states()[0], FileState::wrong) << length;
  }
}

TEST_F(Verify, FindsMoreThanThePublishedContent) {
  put("train-images-idx3-ubyte.gz", gz(noise(500, 1)) + gz(std::string(3'000'000, '\0')));
  EXPECT_EQ(states()[0], FileState::wrong);
}

TEST_F(Verify, FindsAFolderInAFilesPlace) {
  make_folder(folder_ / "train-images-idx3-ubyte");
  EXPECT_EQ(states()[0], FileState::wrong);
}

TEST_F(Verify, FindsWhatIsMissing) {
  std::filesystem::remove(folder_ / "train-labels-idx1-ubyte.gz");
  EXPECT_EQ(states(), (States{FileState::right, FileState::missing}));
}

TEST_F(Verify, SaysWhereNoSumIsPublished) {
  sets_[1].files[0].content_sha256 = "";
  put("train-images-idx3-ubyte", noise(500, 1));
  EXPECT_EQ(states(), (States{FileState::unchecked, FileState::right}));
  EXPECT_FALSE(verify_known(folder_.path(), sets_)->all_right);
}

TEST_F(Verify, KnowsNoSetInOtherFiles) {
  const TempFolder other;
  write_file_atomically(other / "train-images-idx3-ubyte", "of another set");
  write_file_atomically(other / "a.png", "");
  EXPECT_FALSE(verify_known(other.path(), sets_));
}

TEST_F(Verify, JudgesAnArchiveByWhatIsUnpacked) {
  sets_.push_back({.name = "third",
                   .archive = {.name = "third.tar.gz"},
                   .files = {{"a.bin", 100, sha256_of(noise(100))}, {"names.txt", 100, ""}}});
  const TempFolder other;
  write_file_atomically(other / "a.bin", noise(100));
  const auto check = verify_known(other.path(), sets_);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->set->name, "third");
  EXPECT_TRUE(check->all_right);
}

TEST_F(Verify, NeedsAFolder) {
  expect_refused("nowhere", "no such folder");
  put("a", "");
  expect_refused("a", "is not a folder");
}

TEST_F(Verify, SaysWhichFolderMayNotBeEntered) {
  std::filesystem::create_directories(folder_ / "closed/set");
  std::filesystem::permissions(folder_.path(), std::filesystem::perms(0755));
  std::filesystem::permissions(folder_ / "closed", std::filesystem::perms::none);
  {
    const testing::Unprivileged nobody;
    expect_refused("closed/set", "Permission denied");
  }
  std::filesystem::permissions(folder_ / "closed", std::filesystem::perms(0755));
}

TEST(VerifyMnist, KnowsTheRepositorysCopy) {
  const auto check = verify_known(DCGAN_SOURCE_DIR "/data/mnist");
  ASSERT_TRUE(check);
  EXPECT_EQ(check->set->name, "mnist");
  EXPECT_TRUE(check->all_right);
}

TEST(VerifyFashionMnist, KnowsDebiansCopy) {
  const std::filesystem::path folder = "/usr/share/datasets/fashion-mnist";
  if (!std::filesystem::exists(folder)) GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  const auto check = verify_known(folder);
  ASSERT_TRUE(check);
  EXPECT_EQ(check->set->name, "fashion-mnist");
  EXPECT_TRUE(check->all_right);
}

TEST_F(Verify, ListsSetsWithWhereTheyAre) {
  make_folder(folder_ / "data/first");
  for (const char* const name : {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"}) {
    rename(name, std::string("data/first/") + name);
  }
  sets_[0].licence = "MIT";
  sets_[0].homepage = "https://example.org";
  EXPECT_EQ(
      format_known_sets(sets_, folder_.path()),
      "name    images   size       classes  download  licence  source               here\n"
      "second  60 + 10  2 x 3 x 1        4   1.0 KiB  MIT      https://example.org\n"
      "first   60 + 10  2 x 3 x 1        4   1.0 KiB                                data/first\n");
}

}  // namespace
}  // namespace dcgan
