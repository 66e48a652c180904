#include "fetch/catalogue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "support/expect_error.h"

namespace dcgan {
namespace {

using ::testing::EndsWith;
using testing::error_of;
using ::testing::MatchesRegex;

TEST(KnownSets, HaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const KnownSet& set : known_sets()) names.insert(set.name);
  EXPECT_EQ(names,
            (std::set<std::string>{"mnist", "fashion-mnist", "kmnist", "cifar10", "cifar100"}));
}

TEST(KnownSets, HaveSourcesOnTheWeb) {
  for (const KnownSet& set : known_sets()) {
    EXPECT_FALSE(set.sources.empty());
    for (const std::string& source : set.sources) {
      EXPECT_THAT(source, MatchesRegex("https?://[a-z].*/"));
    }
  }
}

TEST(KnownSets, HaveASumOfTheirOwnForEachFile) {
  std::set<std::string> sums;
  std::size_t count = 0;
  const auto add = [&](const std::string& sum) {
    EXPECT_THAT(sum, MatchesRegex("[0-9a-f]+"));
    EXPECT_EQ(sum.size(), 64U);
    sums.insert(sum);
    ++count;
  };
  for (const KnownSet& set : known_sets()) {
    for (const RemoteFile& file : set.files) {
      add(file.sha256);
      if (!file.content_sha256.empty()) add(file.content_sha256);
      for (const UnpackedFile& inner : file.unpacked) {
        if (!inner.sha256.empty()) add(inner.sha256);
      }
    }
  }
  EXPECT_EQ(sums.size(), count);
}

TEST(KnownSets, HoldWhatTheirImagesNeed) {
  for (const std::string name : {"cifar10", "cifar100"}) {
    const KnownSet& set = find_known_set(name);
    const std::int64_t labels = name == "cifar10" ? 1 : 2;
    std::int64_t bytes = 0;
    for (const UnpackedFile& file : set.files.at(0).unpacked) {
      if (!file.sha256.empty()) bytes += file.bytes;
    }
    EXPECT_EQ(bytes, (set.train_images + set.test_images) *
                         (labels + set.shape[0] * set.shape[1] * set.shape[2]));
  }
}

TEST(DownloadBytes, IsTheSumOfAllFiles) {
  EXPECT_EQ(download_bytes(find_known_set("mnist")), 11'594'722);
}

TEST(FindKnownSet, SuggestsTheNearest) {
  EXPECT_EQ(error_of([] { find_known_set("fashion_mnist"); }),
            "unknown data set 'fashion_mnist'; did you mean 'fashion-mnist'?");
}

TEST(FindKnownSet, ListsAllWhereNothingIsNear) {
  EXPECT_EQ(
      error_of([] { find_known_set("faces"); }),
      "unknown data set 'faces'; it must be mnist, fashion-mnist, kmnist, cifar10 or cifar100");
}

}  // namespace
}  // namespace dcgan
