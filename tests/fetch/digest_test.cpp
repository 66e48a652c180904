#include "fetch/digest.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "fetch/archives.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::error_of;
using testing::gz;
using testing::sha256_of;
using testing::TempFolder;

constexpr std::int64_t kMost = 1 << 30;

// The examples of FIPS 180-4's companion, "SHA-256 Example Computations" (NIST).
TEST(Sha256, IsThatOfTheStandard) {
  EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256, IsTheSameInPieces) {
  const std::string bytes = testing::noise(10'000);
  Sha256 sum;
  for (std::size_t i = 0; i < bytes.size(); i += 77) sum.update(bytes.substr(i, 77));
  EXPECT_EQ(sum.finish(), sha256_of(bytes));
}

TEST(Sha256OfFile, ReadsEveryByte) {
  const TempFolder folder;
  const std::string bytes = testing::noise(1'000'001);
  write_file_atomically(folder / "a", bytes);
  EXPECT_EQ(sha256_of_file(folder / "a"), sha256_of(bytes));
}

TEST(Sha256OfFile, NamesWhatItCannotRead) {
  const TempFolder folder;
  EXPECT_EQ(error_of([&] { sha256_of_file(folder / "a"); }),
            (folder / "a").string() + ": no such file");
  EXPECT_EQ(error_of([&] { sha256_of_file(folder.path()); }),
            folder.path().string() + ": cannot be read: it is a folder");
}

TEST(Sha256OfGzContent, ReadsEveryMember) {
  const TempFolder folder;
  const std::string bytes = testing::noise(1'000'001);
  write_file_atomically(folder / "a.gz", gz(bytes) + gz("abc"));
  EXPECT_EQ(sha256_of_gz_content(folder / "a.gz", kMost), sha256_of(bytes + "abc"));
}

TEST(Sha256OfGzContent, ReadsWhatShrinksMuch) {
  const TempFolder folder;
  const std::string zeros(3'000'000, '\0');
  write_file_atomically(folder / "a.gz", gz(zeros));
  EXPECT_EQ(sha256_of_gz_content(folder / "a.gz", kMost), sha256_of(zeros));
}

TEST(Sha256OfGzContent, RefusesAStreamThatIsCutAnywhere) {
  const TempFolder folder;
  const std::string whole = gz(testing::noise(300));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    write_file_atomically(folder / "a.gz", whole.substr(0, length), Flush::no);
    EXPECT_EQ(sha256_of_gz_content(folder / "a.gz", kMost), std::nullopt) << length;
  }
}

TEST(Sha256OfGzContent, RefusesDamage) {
  const TempFolder folder;
  std::string bytes = gz(testing::noise(300));
  bytes[100] ^= 1;
  write_file_atomically(folder / "a.gz", bytes);
  EXPECT_EQ(sha256_of_gz_content(folder / "a.gz", kMost), std::nullopt);
}

TEST(Sha256OfGzContent, StopsABomb) {
  const TempFolder folder;
  write_file_atomically(folder / "a.gz", gz(std::string(3'000'000, '\0')));
  EXPECT_EQ(sha256_of_gz_content(folder / "a.gz", 2'999'999), std::nullopt);
  EXPECT_NE(sha256_of_gz_content(folder / "a.gz", 3'000'000), std::nullopt);
}

}  // namespace
}  // namespace dcgan
