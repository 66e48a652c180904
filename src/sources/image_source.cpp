#include "sources/image_source.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cmath>
#include <memory>
#include <utility>

#include "dcgan/error.h"
#include "sources/arrays.h"

namespace dcgan {

bool is_held_out(std::int64_t index, double held_out) {
  const auto before = [=](std::int64_t count) {
    return static_cast<std::int64_t>(std::floor(static_cast<double>(count) * held_out));
  };
  return before(index + 1) > before(index);
}

std::vector<std::int64_t> indices_of(DataSplit split, std::int64_t count, double held_out) {
  std::vector<std::int64_t> indices;
  for (std::int64_t i = 0; i < count; ++i) {
    if (is_held_out(i, held_out) == (split == DataSplit::test)) indices.push_back(i);
  }
  return indices;
}

ImageSource take_split(ImageSource whole, DataSplit split, double held_out) {
  std::vector<std::int64_t> taken = indices_of(split, whole.size, held_out);
  ImageSource part = whole;
  part.size = static_cast<std::int64_t>(taken.size());
  part.read = [read = std::move(whole.read), taken = std::move(taken)](std::int64_t i) {
    return read(taken[static_cast<std::size_t>(i)]);
  };
  return part;
}

ImageSource open_npy(const DataConfig& data) {
  const auto array = std::make_shared<ByteArray>(read_npy(data.path));
  std::vector<std::int64_t> sizes = array->sizes;
  if (sizes.size() == 3) sizes.push_back(1);
  if (sizes.size() != 4 || (sizes[3] != 1 && sizes[3] != 3)) {
    throw failure(fmt::format("has the shape ({}), but images have (N, height, width), (N, height, "
                              "width, 1) or (N, height, width, 3)",
                              fmt::join(array->sizes, ", ")))
        .in(data.path);
  }
  if (array->bytes.empty()) throw failure("holds no images").in(data.path);
  const auto bytes = static_cast<std::ptrdiff_t>(sizes[1] * sizes[2] * sizes[3]);
  ImageSource source;
  source.size = sizes[0];
  source.name = data.path;
  source.read = [array, sizes, bytes](std::int64_t i) {
    const auto first = array->bytes.begin() + i * bytes;
    return Image{sizes[1], sizes[2], sizes[3], {first, first + bytes}};
  };
  return source;
}

}  // namespace dcgan
