// Any bytes as a file of IDX: read_idx() must return what the header says, or throw; and as the
// images of a set, each image must have its pixels.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

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

/// A file of as many labels as the images are.
void put_labels(const std::filesystem::path& path, std::int64_t count) {
  std::string labels{0, 0, 8, 1};
  for (int shift = 24; shift >= 0; shift -= 8) labels += static_cast<char>(count >> shift);
  write_file_atomically(path, labels.append(static_cast<std::size_t>(count), 'x'), Flush::no);
}

void check_set(const DataConfig& data) {
  const ImageSource source = open_mnist(data);
  if (source.labels.size() != static_cast<std::size_t>(source.size)) std::abort();
  for (const std::int64_t i : {std::int64_t{0}, source.size - 1}) {
    const Image image = source.read(i);
    if (static_cast<std::int64_t>(image.pixels.size()) != image.height * image.width) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const testing::TempFolder folder;
  // The last byte chooses the set, so that the first ones remain a file's.
  const bool emnist = size > 0 && (data[size - 1] & 1) != 0;
  const std::string prefix = emnist ? "emnist-letters-train" : "train";
  const auto images = folder / (prefix + "-images-idx3-ubyte");
  const auto labels = folder / (prefix + "-labels-idx1-ubyte");
  write_file_atomically(images, {reinterpret_cast<const char*>(data), size}, Flush::no);
  try {
    const ByteArray array = read_idx(images);
    check_array(array);
    if (!array.sizes.empty() && array.sizes[0] < 1 << 16) put_labels(labels, array.sizes[0]);
    DataConfig config;
    config.path = folder.path().string();
    check_set(config);
  } catch (const Error&) {
  }
  std::error_code ignored;
  std::filesystem::remove(images, ignored);
  std::filesystem::remove(labels, ignored);
  return 0;
}
