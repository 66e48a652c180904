#include "sources/byte_array.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {

ByteArray make_array(std::vector<std::int64_t> sizes, std::string_view data) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    if (size < 0) throw damaged(fmt::format("its header is damaged: a size of {}", size));
    if (__builtin_mul_overflow(count, size, &count)) {
      throw damaged("its header is damaged: the sizes in it make more than 2^63 bytes");
    }
  }
  const auto there = static_cast<std::int64_t>(data.size());
  if (there < count) {
    throw damaged(fmt::format("cut short: its header promises {} bytes of data, but {} are there",
                              format_count(count), format_count(there)));
  }
  if (there > count) {
    throw damaged(fmt::format("goes on behind the {} bytes of data that its header promises",
                              format_count(count)));
  }
  return {std::move(sizes), {data.begin(), data.end()}};
}

}  // namespace dcgan
