#include "tensorboard/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/file.h"
#include "dcgan/error.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::TempFolder;

/// RFC 3720, B.4.
TEST(Crc32c, IsThatOfTheStandard) {
  std::string ascending;
  for (int i = 0; i < 32; ++i) ascending += static_cast<char>(i);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aaU);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43U);
  EXPECT_EQ(crc32c(ascending), 0x46dd794eU);
  EXPECT_EQ(crc32c(std::string(ascending.rbegin(), ascending.rend())), 0x113fdb5cU);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283U);
}

/// As TensorBoard's own RecordWriter.
TEST(ToRecord, FramesAMessage) {
  using namespace std::string_literals;
  EXPECT_EQ(to_record("abc"),
            "\003\000\000\000\000\000\000\000\260\231\111\016\141\142\143\156\127\361\041"s);
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(EventFile, ComesBehindThoseThatAreThere) {
  const TempFolder folder;
  const EventFile first(folder.path(), 0);
  write_file_atomically(folder / "events.out.tfevents.7999999999.zzz", "");
  const EventFile second(folder.path(), 8);
  EXPECT_THAT(names_in(folder.path()),
              ::testing::ElementsAre(::testing::StartsWith("events.out.tfevents.1"),
                                     "events.out.tfevents.7999999999.zzz",
                                     ::testing::StartsWith("events.out.tfevents.8000000000.")));
}

TEST(EventFile, IsOnDiskAfterEachEvent) {
  const TempFolder folder;
  EventFile file(folder.path(), 0);
  const std::filesystem::path path = folder / names_in(folder.path()).front();
  const auto before = std::filesystem::file_size(path);
  file.add_scalars(1, {{"a/b", 2.5}});
  EXPECT_GT(std::filesystem::file_size(path), before);
}

TEST(EventFile, NamesTheFileThatCannotBeWritten) {
  const Error error = testing::caught([] { EventFile("no/where", 0); });
  EXPECT_THAT(error.where(), ::testing::StartsWith("no/where/events.out.tfevents."));
  EXPECT_EQ(error.problem(), "cannot be written: there is no folder 'no/where'");
}

}  // namespace
}  // namespace dcgan
