#include "fetch/known_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/expect_error.h"

namespace dcgan {
namespace {

using testing::caught;
using testing::IsError;
using ::testing::MatchesRegex;

/// Each file that is downloaded or must be there.
std::vector<KnownFile> all_files() {
  std::vector<KnownFile> files;
  for (const KnownSet& set : known_sets()) {
    if (set.has_archive()) files.push_back(set.archive);
    files.insert(files.end(), set.files.begin(), set.files.end());
  }
  return files;
}

TEST(KnownSets, HaveSourcesOnTheWebAndAllThatIsShown) {
  std::set<std::string> names;
  for (const KnownSet& set : known_sets()) {
    EXPECT_TRUE(names.insert(set.name).second) << set.name;
    EXPECT_FALSE(set.sources.empty() || set.files.empty()) << set.name;
    for (const std::string& source : set.sources) {
      EXPECT_THAT(source, MatchesRegex("https?://[a-z].*/"));
    }
    EXPECT_THAT(set.images, MatchesRegex("[0-9,]+ \\+ [0-9,]+"));
    EXPECT_THAT(set.shape, MatchesRegex("[0-9]+ x [0-9]+ x [13]"));
    EXPECT_THAT(set.classes, MatchesRegex("[0-9]+"));
    EXPECT_NE(set.licence, "");
    EXPECT_THAT(set.homepage, MatchesRegex("https?://[a-z].*"));
  }
}

TEST(KnownSets, HaveASumOfTheirOwnForEachFile) {
  std::set<std::string> sums;
  for (const KnownFile& file : all_files()) {
    for (const std::string& sum : {file.sha256, file.content_sha256}) {
      if (sum.empty()) continue;
      EXPECT_THAT(sum, MatchesRegex("[0-9a-f]+"));
      EXPECT_EQ(sum.size(), 64U);
      EXPECT_TRUE(sums.insert(sum).second) << file.name;
    }
  }
}

// Their names lie below a folder of the user's.
TEST(KnownSets, NameFilesAndNoPaths) {
  for (const KnownFile& file : all_files()) {
    EXPECT_THAT(file.name, MatchesRegex("[A-Za-z0-9][A-Za-z0-9._-]*"));
    EXPECT_GT(file.bytes, 0);
  }
}

TEST(FindKnownSet, SuggestsTheNearest) {
  EXPECT_THAT(caught([] { find_known_set("fashion_mnist"); }),
              IsError(ErrorKind::usage, "", "unknown data set 'fashion_mnist'",
                      "did you mean 'fashion-mnist'?"));
}

TEST(FindKnownSet, ListsAllWhereNothingIsNear) {
  EXPECT_THAT(caught([] { find_known_set("faces"); }),
              IsError(ErrorKind::usage, "", "unknown data set 'faces'",
                      MatchesRegex("it must be mnist, .* or .*")));
}

}  // namespace
}  // namespace dcgan
