#include "sources/idx.h"

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "base/gz.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr std::int64_t kUnsignedByte = 0x08;

/// The name of an IDX element type, or "" for a byte that stands for none.
std::string element_type_name(std::int64_t type) {
  switch (type) {
    case kUnsignedByte:
      return "unsigned bytes";
    case 0x09:
      return "signed bytes";
    case 0x0b:
      return "16-bit integers";
    case 0x0c:
      return "32-bit integers";
    case 0x0d:
      return "32-bit floats";
    case 0x0e:
      return "64-bit floats";
    default:
      return "";
  }
}

ByteArray parse(std::string_view content) {
  if (content.empty()) throw damaged("is empty");
  const auto byte = [&](std::size_t at) -> std::int64_t {
    if (at >= content.size()) throw damaged("cut short inside its header");
    return static_cast<unsigned char>(content[at]);
  };
  const std::int64_t dimensions = byte(3);
  const std::string type = element_type_name(byte(2));
  if (byte(0) != 0 || byte(1) != 0 || type.empty() || dimensions == 0) {
    throw damaged(
        fmt::format("is no IDX file: it begins with {:02x} {:02x} {:02x} {:02x}, not with 00 00 08 "
                    "and a number of dimensions",
                    byte(0), byte(1), byte(2), dimensions));
  }
  if (byte(2) != kUnsignedByte) {
    throw failure(
        fmt::format(
            "holds {} (type {:02x}); only IDX files of unsigned bytes (type 08) can be read", type,
            byte(2)))
        .remedy("convert it first");
  }
  std::size_t at = 4;
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < dimensions; ++i, at += 4) {
    sizes.push_back(byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3));
  }
  return make_array(std::move(sizes), content.substr(at));
}

}  // namespace

ByteArray read_idx(const std::filesystem::path& path) {
  try {
    return parse(read_gz_file(path));
  } catch (Error& error) {
    if (error.kind() == ErrorKind::damaged) {
      error.remedy("get the file again (data/README.md says where)");
    }
    throw error.in(path);
  }
}

}  // namespace dcgan
