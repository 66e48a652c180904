// Any bytes as CIFAR's files: open_cifar() must throw, or return images that have their pixels and
// labels of the set.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/file.h"
#include "dcgan/error.h"
#include "sources/image_source.h"
#include "support/temp_folder.h"

namespace {

using namespace dcgan;

void check_set(const DataConfig& data, std::size_t classes) {
  const ImageSource source = open_cifar(data);
  if (source.labels.size() != static_cast<std::size_t>(source.size)) std::abort();
  for (const std::uint8_t label : source.labels) {
    if (label >= classes) std::abort();
  }
  for (std::int64_t i = 0; i < source.size; ++i) {
    if (source.read(i).pixels.size() != 3072) std::abort();
  }
}

/// Whole records of a few bytes, which would seldom come of chance: each byte stands for 64.
std::string stretched(std::string_view bytes) {
  std::string records;
  for (const char byte : bytes) records.append(64, byte);
  const std::size_t record = bytes.size() % 2 == 0 ? 3073 : 3074;
  records.resize((records.size() + record - 1) / record * record);
  return records;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TempFolder folder;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  // The last byte chooses how, so that the first ones remain a file's.
  const unsigned choice = size == 0 ? 0 : data[size - 1];
  if (size != 0) bytes.remove_suffix(1);
  const std::string content = (choice & 1) != 0 ? stretched(bytes) : std::string(bytes);
  for (const char* const name : {"test_batch.bin", "test.bin"}) {
    write_file_atomically(folder / name, content, Flush::no);
  }
  DataConfig config;
  config.path = folder.path().string();
  config.split = DataSplit::test;
  for (const auto& [format, classes] :
       {std::pair{DataFormat::cifar10, 10U}, {DataFormat::cifar100, 100U}}) {
    config.format = format;
    try {
      check_set(config, classes);
    } catch (const Error&) {
    }
  }
  return 0;
}
