#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "fetch/archives.h"
#include "fetch/fetch.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::ElementsAre;
using testing::gz;
using ::testing::HasSubstr;
using testing::IsError;
using testing::noise;
using ::testing::Pair;
using testing::tar_entry;
using testing::tar_gz;
using testing::TarEntry;
using testing::TempFolder;

/// A set of "a.bin" and "b.bin" and, if they are there, names in "names.txt".
class Unpack : public ::testing::Test {
 protected:
  std::map<std::string, std::string> unpack_all(const std::string& archive) {
    write_file_atomically(archive_, archive, Flush::no);
    return unpack(archive_, files_);
  }
  void expect_refused(const std::string& archive) {
    EXPECT_THAT(caught([&] { unpack_all(archive); }),
                IsError(ErrorKind::damaged, archive_, HasSubstr("damaged or cut short"),
                        "remove it and run the same command again"))
        << archive.size();
  }

  std::string a_ = noise(300'000);
  std::string b_ = noise(1000, 2);
  std::vector<KnownFile> files_{
      {"a.bin", 300'000, sha256_of(a_)}, {"b.bin", 1000, sha256_of(b_)}, {"names.txt", 100, ""}};
  TempFolder folder_;
  std::filesystem::path archive_ = folder_ / "set.tar.gz";
};

TEST_F(Unpack, TakesTheFilesOutOfTheirFolder) {
  EXPECT_THAT(unpack_all(tar_gz({{"set/", "", '5'},
                                 {"set/b.bin", b_},
                                 {"set/names.txt", "cat\ndog\n"},
                                 {"set/a.bin", a_}})),
              ElementsAre(Pair("a.bin", a_), Pair("b.bin", b_), Pair("names.txt", "cat\ndog\n")));
}

TEST_F(Unpack, TakesFilesAtTheTop) {
  EXPECT_THAT(unpack_all(tar_gz({{"a.bin", a_}, {"./b.bin", b_}})),
              ElementsAre(Pair("a.bin", a_), Pair("b.bin", b_)));
}

TEST_F(Unpack, TakesNothingElse) {
  for (const TarEntry& entry : std::vector<TarEntry>{{"set/a.bin", "", '2', "/etc/passwd"},
                                                     {"set/a.bin", "", '3'},
                                                     {"set/readme.html", "text"},
                                                     {"set/bomb", std::string(2 << 20, '\0')}}) {
    EXPECT_THAT(unpack_all(tar_gz({{"set/a.bin", a_}, entry, {"set/b.bin", b_}})),
                ElementsAre(Pair("a.bin", a_), Pair("b.bin", b_)))
        << entry.name;
  }
}

TEST_F(Unpack, RefusesWhatIsNoArchive) {
  for (const std::string& bytes : {std::string("text"), gz("text"), noise(5000)}) {
    expect_refused(bytes);
  }
}

TEST_F(Unpack, RefusesAnArchiveThatIsCutAnywhere) {
  const std::string whole = tar_gz({{"set/a.bin", a_.substr(0, 3000)}, {"set/b.bin", b_}});
  files_[0] = {"a.bin", 3000, sha256_of(a_.substr(0, 3000))};
  ASSERT_EQ(unpack_all(whole).size(), 2U);
  const std::size_t last_needed = whole.size() - 64;  // behind it lie empty blocks and the CRC
  for (std::size_t length = 0; length < last_needed; length += 37) {
    expect_refused(whole.substr(0, length));
  }
}

TEST_F(Unpack, RefusesAHeaderThatPromisesTooMuch) {
  expect_refused(gz(tar_entry({"set/a.bin", a_, '0', "", std::int64_t{1} << 32})));
  expect_refused(gz(tar_entry({"set/a.bin", a_.substr(0, 100), '0', "", 300'000})));
}

}  // namespace
}  // namespace dcgan
