#include "export/state_dict.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "export/pickle.h"
#include "export/writers.h"
#include "export/zip.h"
#include "support/expect_error.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using namespace std::literals;
using testing::caught;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

ExportedNetwork two_arrays() {
  ExportedNetwork network;
  network.plan.name = "generator";
  network.plan.layers.resize(2);
  network.plan.layers[0].name = "layer1";
  network.plan.layers[1].name = "layer2";
  network.arrays = {{"layer1.weight", {2, 3}, {1, 2, 3, 4, 5, 6}}, {"layer2.bias", {1}, {7}}};
  network.step = 5;
  network.classes = {"cat", "Ärger, \"dog\""};
  return network;
}

/// A file with this header in front of `data`.
std::string with_header(const std::string& header, std::size_t data) {
  const std::uint64_t size = header.size();
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes + header + std::string(data, '\0');
}

/// Two tensors of four and two numbers, but for `change`.
template <typename Change>
std::string damaged_safetensors(Change change) {
  nlohmann::json header{
      {"a", {{"dtype", "F32"}, {"shape", {2, 2}}, {"data_offsets", {0, 16}}}},
      {"b", {{"dtype", "F32"}, {"shape", {2}}, {"data_offsets", {16, 24}}}},
  };
  change(header);
  return with_header(header.dump(), 24);
}

std::string error_of(const std::string& safetensors) {
  return caught([&] { parse_safetensors(safetensors); }).problem();
}

void expect_same(const StateDict& state, const ExportedNetwork& network) {
  ASSERT_EQ(state.arrays.size(), network.arrays.size());
  for (std::size_t i = 0; i < state.arrays.size(); ++i) {
    EXPECT_EQ(state.arrays[i].name, network.arrays[i].name);
    EXPECT_EQ(state.arrays[i].sizes, network.arrays[i].sizes);
    EXPECT_EQ(state.arrays[i].numbers, network.arrays[i].numbers);
  }
  const auto read = read_metadata(state.metadata, "x");
  ASSERT_TRUE(read);
  EXPECT_EQ(read->step, network.step);
  EXPECT_EQ(read->classes, network.classes);
}

TEST(StateDict, IsReadAsItWasWritten) {
  expect_same(parse_safetensors(to_safetensors(two_arrays())), two_arrays());
  expect_same(parse_pth(to_pth(two_arrays())), two_arrays());
}

TEST(StateDict, RejectsTruncatedFile) {
  for (const std::string& whole : {to_safetensors(two_arrays()), to_pth(two_arrays())}) {
    for (std::size_t size = 0; size < whole.size(); ++size) {
      EXPECT_NE(caught([&] { parse_state_dict(whole.substr(0, size)); }).problem(), "") << size;
    }
  }
}

/// Each byte in turn: an Error, or other numbers and names; nothing else, and no crash.
TEST(StateDict, SurvivesDamagedFile) {
  const auto parse = [](const std::string& bytes, auto parser) {
    try {
      parser(bytes);
    } catch (const Error&) {
    }
  };
  for (const char flip : {'\x01', '\x80', '\xff'}) {
    std::string bytes = to_safetensors(two_arrays());
    for (char& byte : bytes) {
      byte = static_cast<char>(byte ^ flip);
      parse(bytes, parse_safetensors);
      byte = static_cast<char>(byte ^ flip);
    }
    bytes = to_pth(two_arrays());
    for (char& byte : bytes) {
      byte = static_cast<char>(byte ^ flip);
      parse(bytes, parse_pth);
      byte = static_cast<char>(byte ^ flip);
    }
    std::string pickle;
    for (const ZipFile& file : read_zip(bytes)) {
      if (file.name.ends_with("data.pkl")) pickle = file.bytes;
    }
    for (char& byte : pickle) {  // past the zip's checksum
      byte = static_cast<char>(byte ^ flip);
      parse(pickle, read_state_dict_pickle);
      byte = static_cast<char>(byte ^ flip);
    }
  }
}

TEST(StateDict, RejectsOtherFile) {
  const TempFolder folder;
  write_file_atomically(folder / "a.pth", "Not weights at all.");
  EXPECT_THAT(caught([&] { read_state_dict(folder / "a.pth"); }),
              IsError(ErrorKind::failure, folder / "a.pth", HasSubstr("neither a .pth"),
                      HasSubstr("torch.save")));
  write_file_atomically(folder / "b.pth", write_zip({{"a.npy", "x"}}));
  EXPECT_THAT(caught([&] { read_state_dict(folder / "b.pth"); }),
              IsError(ErrorKind::failure, folder / "b.pth", HasSubstr("torch.save did not write"),
                      HasSubstr(".safetensors")));
  write_file_atomically(folder / "c.pt", write_zip({{"c/data.pkl", "."}, {"c/constants.pkl", ""}}));
  EXPECT_THAT(caught([&] { read_state_dict(folder / "c.pt"); }),
              IsError(ErrorKind::failure, folder / "c.pt", HasSubstr("a TorchScript"),
                      HasSubstr("sample")));
}

TEST(Safetensors, RejectsHeaderLongerThanFile) {
  const std::string bytes = with_header("{}", 0);
  EXPECT_EQ(error_of("\x03" + bytes.substr(1)), "it is cut short: a header of 3 bytes in 2");
  EXPECT_THAT(error_of(std::string(8, '\xff') + "{}"), HasSubstr("cut short"));
}

TEST(Safetensors, RejectsHeaderThatIsNoneOfItsOwn) {
  EXPECT_EQ(error_of(with_header("{", 0)), "its header is damaged");
  EXPECT_EQ(error_of(damaged_safetensors([](auto& h) { h["a"].erase("dtype"); })),
            "its header is damaged");
  EXPECT_EQ(error_of(damaged_safetensors([](auto& h) {
              h["a"]["shape"] = {-2, 2};
            })),
            "its header is damaged");
  EXPECT_EQ(error_of(damaged_safetensors([](auto& h) { h["a"]["shape"] = {1.5}; })),
            "its header is damaged");
  EXPECT_EQ(error_of(damaged_safetensors([](auto& h) {
              h["__metadata__"] = {{"step", 3}};
            })),
            "its header is damaged");
}

TEST(Safetensors, RejectsOffsetsOutOfPlace) {
  const auto offsets = [](const char* name, std::uint64_t begin, std::uint64_t end) {
    return error_of(damaged_safetensors([=](auto& header) {
      header[name]["data_offsets"] = {begin, end};
    }));
  };
  EXPECT_EQ(offsets("b", 16, 28), "it is cut short: tensor 'b' ends at byte 28 of 24");
  EXPECT_EQ(offsets("b", 12, 20), "tensor 'b' overlaps another or leaves a gap");
  EXPECT_EQ(offsets("b", 20, 24), "tensor 'b' overlaps another or leaves a gap");
  EXPECT_EQ(offsets("b", 16, 20), "4 bytes behind its last tensor");
  EXPECT_EQ(offsets("b", 24, 16), "tensor 'b' overlaps another or leaves a gap");
}

TEST(Safetensors, RejectsShapeThatDoesNotFitItsBytes) {
  const auto shape = [](const std::vector<std::uint64_t>& sizes) {
    return error_of(damaged_safetensors([&](auto& header) { header["a"]["shape"] = sizes; }));
  };
  EXPECT_EQ(shape({3}), "tensor 'a' has 16 bytes where its shape needs 12");
  EXPECT_EQ(shape({5}), "tensor 'a' is larger than what the file holds of it");
  EXPECT_EQ(shape({std::uint64_t{1} << 62, 16}),
            "tensor 'a' is larger than what the file holds of it");
}

TEST(Safetensors, ReadsOtherFloats) {
  const auto read = [](const char* type, const std::string& number) {
    const nlohmann::json header{
        {"a", {{"dtype", type}, {"shape", {1}}, {"data_offsets", {0, number.size()}}}}};
    return parse_safetensors(with_header(header.dump(), 0) + number).arrays.at(0).numbers;
  };
  EXPECT_THAT(read("F32", {'\0', '\0', '\xc0', '\x3f'}), ElementsAre(1.5F));
  EXPECT_THAT(read("F16", {'\0', '\x3e'}), ElementsAre(1.5F));
  EXPECT_THAT(read("BF16", {'\xc0', '\x3f'}), ElementsAre(1.5F));
  EXPECT_THAT(read("F64", {'\0', '\0', '\0', '\0', '\0', '\0', '\xf8', '\x3f'}), ElementsAre(1.5F));
  EXPECT_EQ(caught([&] { read("I64", std::string(8, '\0')); }).problem(),
            "tensor 'a' is of type I64");
}

TEST(Pickle, OfForeignCodeIsRefused) {
  EXPECT_EQ(caught([] { read_state_dict_pickle("cposix\nsystem\n)R."); }).problem(),
            "its pickle holds more than tensors: posix.system");
}

TEST(Pickle, TensorOutsideOfItsStorageIsRefused) {
  const auto error = [](std::int32_t offset, std::int32_t size, std::int32_t stride) {
    const auto number = [](std::int32_t value) {
      std::string text(5, 'J');
      std::memcpy(text.data() + 1, &value, sizeof value);
      return text;
    };
    const std::string pickle =
        "\x80\x02}X\x01\0\0\0wctorch._utils\n_rebuild_tensor_v2\n"s
        "((X\x07\0\0\0storagectorch\nFloatStorage\nX\x01\0\0\0"s
        "0X\x03\0\0\0cpuK\x04tQ"s +
        number(offset) + number(size) + "\x85" + number(stride) + "\x85tRs.";
    return caught([&] {
             parse_pth(write_zip({{"a/data.pkl", pickle}, {"a/data/0", std::string(16, '\0')}}));
           })
        .problem();
  };
  EXPECT_EQ(error(1, 4, 1), "tensor 'w' lies outside of its storage");
  EXPECT_EQ(error(0, 4, 2), "tensor 'w' lies outside of its storage");
  EXPECT_EQ(error(0, 4, -1), "tensor 'w' lies outside of its storage");
  EXPECT_EQ(error(-1, 4, 1), "tensor 'w' lies outside of its storage");
  EXPECT_EQ(error(0, 5, 0), "tensor 'w' is larger than what the file holds of it");
  EXPECT_EQ(error(0, -1, 1), "tensor 'w' is larger than what the file holds of it");
}

}  // namespace
}  // namespace dcgan
