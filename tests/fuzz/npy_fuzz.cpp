// Any bytes as a .npy file: read_npy() must return what the header says, or throw; and as a set of
// images, each image must have its pixels.
#include <cstdint>
#include <cstdlib>

#include "base/file.h"
#include "dcgan/error.h"
#include "sources/arrays.h"
#include "sources/image_source.h"
#include "support/temp_folder.h"

namespace {

using namespace dcgan;

void check_array(const ByteArray& array) {
  std::size_t count = 1;
  for (const std::int64_t size : array.sizes) count *= static_cast<std::size_t>(size);
  if (array.bytes.size() != count) std::abort();
}

void check_set(const DataConfig& data) {
  const ImageSource whole = open_npy(data);
  for (const std::int64_t i : {std::int64_t{0}, whole.size - 1}) {
    const Image image = whole.read(i);
    const std::int64_t bytes = image.height * image.width * image.channels;
    if (static_cast<std::int64_t>(image.pixels.size()) != bytes) std::abort();
  }
  const ImageSource test = take_split(whole, DataSplit::test, 0.3);
  const ImageSource train = take_split(whole, DataSplit::train, 0.3);
  if (test.size + train.size != whole.size) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TempFolder folder;
  const auto file = folder / "images.npy";
  write_file_atomically(file, {reinterpret_cast<const char*>(data), size}, Flush::no);
  DataConfig config;
  config.path = file.string();
  try {
    check_array(read_npy(file));
    check_set(config);
  } catch (const Error&) {
  }
  return 0;
}
