#include "model/archive.h"

#include <caffe2/serialize/inline_container.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/script.h>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsError;
using ::testing::Not;
using testing::TempFolder;

Archive small_archive() {
  Archive archive;
  archive.tensors = {{"a.weight", torch::arange(6, torch::kFloat32).view({2, 3})},
                     {"b.norm.weight", torch::ones({2})},
                     {"a.bias", torch::full({3}, 0.5)},
                     {"b.norm.running_mean", torch::zeros({2})}};
  archive.config = "seed: 7\n";
  archive.numbers = {{"step", 12}};
  archive.notes = {{"dataset_crc32", "0badcafe"}};
  return archive;
}

class ArchiveFile : public ::testing::Test {
 protected:
  ArchiveFile() { write_archive(path_, small_archive()); }

  Archive read() const { return read_archive(path_, ArchiveKind::checkpoint); }
  Error error() const {
    return caught([this] { read(); });
  }
  /// A `damaged` that names the file.
  template <typename Problem>
  auto IsDamage(Problem problem) const {
    return IsError(ErrorKind::damaged, path_, problem, Not(IsEmpty()));
  }
  /// The same archive with another dcgan.json.
  void write_with_description(const std::string& json) const {
    torch::jit::Module module = torch::jit::load(path_.string());
    module.save(path_.string(), {{"dcgan.json", json}, {"config.yaml", "seed: 7\n"}});
  }
  nlohmann::json description() const {
    torch::jit::ExtraFilesMap extra{{"dcgan.json", ""}};
    torch::jit::load(path_.string(), torch::Device(torch::kCPU), extra);
    return nlohmann::json::parse(extra["dcgan.json"]);
  }

  TempFolder folder_;
  std::filesystem::path path_ = folder_ / "file.pt";
};

TEST_F(ArchiveFile, KeepsEverything) {
  const Archive archive = read();
  EXPECT_EQ(archive.config, "seed: 7\n");
  EXPECT_EQ(archive.numbers.at("step"), 12);
  EXPECT_EQ(archive.notes.at("dataset_crc32"), "0badcafe");
  ASSERT_EQ(archive.tensors.size(), 4U);
  for (const auto& [name, tensor] : small_archive().tensors) {
    EXPECT_TRUE(torch::equal(find_tensor(archive, name, tensor.sizes(), path_), tensor)) << name;
  }
}

TEST_F(ArchiveFile, OfTheSameContentHasTheSameBytes) {
  const auto other = folder_ / "other.pt";
  write_archive(other, small_archive());
  EXPECT_EQ(read_file(path_), read_file(other));
}

TEST_F(ArchiveFile, TruncatedAtAnyLengthIsRefused) {
  const std::string bytes = read_file(path_);
  for (std::size_t length = 0; length < bytes.size(); length += length < 200 ? 1 : 37) {
    write_file_atomically(path_, bytes.substr(0, length));
    const Error refused = error();
    ASSERT_EQ(refused.where(), path_.string()) << "length " << length;
    ASSERT_FALSE(refused.remedy().empty()) << "length " << length;
  }
}

TEST_F(ArchiveFile, OfOtherBytesIsRefused) {
  write_file_atomically(path_, "");
  EXPECT_THAT(error(), IsDamage("not a TorchScript archive"));
  write_file_atomically(path_, std::string(1000, '\x5a'));
  EXPECT_THAT(error(), IsDamage("not a TorchScript archive"));
}

TEST_F(ArchiveFile, WithAFlippedBitInATensorIsRefused) {
  std::string bytes = read_file(path_);
  const float half = 0.5F;  // a.bias
  const std::size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&half), 4) +
                                    std::string(reinterpret_cast<const char*>(&half), 4));
  ASSERT_NE(at, std::string::npos);
  bytes[at] = static_cast<char>(bytes[at] ^ 1);
  write_file_atomically(path_, bytes);
  EXPECT_THAT(error(), IsDamage(HasSubstr("damaged")));
}

/// An archive of ours but for the pickle of its module.
class PickledArchive : public ArchiveFile {
 protected:
  void write(const std::string& pickle, const std::string& storage = "") const {
    std::string bytes;
    {
      caffe2::serialize::PyTorchStreamWriter writer([&bytes](const void* data, std::size_t size) {
        bytes.append(static_cast<const char*>(data), size);
        return size;
      });
      const std::string json = description_.dump();
      if (!storage.empty()) writer.writeRecord("data/0", storage.data(), storage.size());
      writer.writeRecord("data.pkl", pickle.data(), pickle.size());
      writer.writeRecord("constants.pkl", ".", 1);
      writer.writeRecord("extra/dcgan.json", json.data(), json.size());
      writer.writeEndOfFile();
    }
    write_file_atomically(path_, bytes);
  }
  static std::string text(const std::string& value) {
    return "X" + std::string{static_cast<char>(value.size()), 0, 0, 0} + value;
  }
  static std::string put(int place) { return {'q', static_cast<char>(place)}; }
  static std::string get(int place) { return {'h', static_cast<char>(place)}; }

  const nlohmann::json description_ = description();
  const std::string begin_ = "\x80\x02";
  const std::string module_ = "c__torch__\nM\n)\x81";  // its attributes and "b" follow
};

TEST_F(PickledArchive, WithATensorLargerThanItsStorageIsRefused) {
  const auto tensor = [](const std::string& size) {
    return "ctorch._utils\n_rebuild_tensor_v2\n((" + text("storage") + "ctorch\nFloatStorage\n" +
           text("0") + text("cpu") + "K\x01tQK" + std::string(1, '\0') + size +
           "\x85K\x01\x85\x89" + "ccollections\nOrderedDict\n)RtR";
  };
  const std::string one = "K\x01";
  const std::string many("J\x00\x00\x00\x10", 5);
  const std::string four_bytes(4, '\0');
  write(begin_ + module_ + "}(" + text("a") + tensor(one) + "ub.", four_bytes);
  EXPECT_THAT(error(), IsDamage(HasSubstr("does not match its checksum")));  // it is read
  write(begin_ + module_ + "}(" + text("a") + tensor(many) + "ub.", four_bytes);
  EXPECT_THAT(error(), IsDamage("the archive is truncated or damaged"));
}

TEST_F(ArchiveFile, WithAChangedNumberIsRefused) {
  nlohmann::json json = description();
  json["numbers"]["step"] = 11;
  write_with_description(json.dump());
  EXPECT_THAT(error(), IsDamage("damaged: its content does not match its checksum"));
}

TEST_F(ArchiveFile, OfAnotherFormatVersionIsRefused) {
  nlohmann::json json = description();
  json["format_version"] = 99;
  write_with_description(json.dump());
  EXPECT_THAT(error(), IsError(ErrorKind::failure, path_,
                               "dcgan checkpoint format version 99; this program reads version 1",
                               "use the dcgan that wrote it, or train again"));
}

TEST_F(ArchiveFile, OfAnotherKindIsRefused) {
  EXPECT_THAT(caught([this] { read_archive(path_, ArchiveKind::generator); }),
              IsError(ErrorKind::failure, path_,
                      "a dcgan checkpoint, where a dcgan generator is needed", ""));
}

TEST_F(ArchiveFile, WithADamagedDescriptionIsRefused) {
  write_with_description("");
  EXPECT_THAT(error(), IsError(ErrorKind::failure, path_,
                               "a TorchScript that dcgan did not write, where a dcgan checkpoint "
                               "is needed",
                               ""));
  for (const char* json : {"{", "[]", "{\"format\": \"dcgan checkpoint\"}"}) {
    write_with_description(json);
    EXPECT_THAT(error(), IsDamage("the archive is truncated or damaged")) << json;
  }
}

TEST_F(ArchiveFile, NamesATensorThatIsNotAsExpected) {
  const Archive archive = read();
  for (const auto& wrong : {std::pair("a.nothing", 1), {"a.bias", 4}}) {
    EXPECT_THAT(caught([&] { find_tensor(archive, wrong.first, {wrong.second}, path_); }),
                IsError(ErrorKind::failure, path_, HasSubstr(wrong.first), "use another file"));
  }
}

TEST_F(ArchiveFile, IsIdentified) {
  EXPECT_EQ(parse_archive(read_file(path_), path_)->kind, ArchiveKind::checkpoint);
  torch::jit::Module module("Other");
  module.define("def forward(self, x):\n    return x\n");
  const auto other = folder_ / "other.pt";
  module.save(other.string());
  EXPECT_FALSE(parse_archive(read_file(other), other));
}

}  // namespace
}  // namespace dcgan
