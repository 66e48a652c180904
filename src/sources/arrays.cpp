#include "sources/arrays.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"

namespace dcgan {
namespace {

/// Of the sizes in a file's header and all that stands behind it. Throws `damaged` where that is
/// more or less, or the sizes cannot be.
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

std::int64_t header_byte(std::string_view content, std::size_t at) {
  if (at >= content.size()) throw damaged("cut short inside its header");
  return static_cast<unsigned char>(content[at]);
}

// IDX ---------------------------------------------------------------------------------------------

constexpr std::int64_t kUnsignedByte = 0x08;

ByteArray parse_idx(std::string_view content) {
  if (content.empty()) throw damaged("is empty");
  const auto byte = [&](std::size_t at) { return header_byte(content, at); };
  const std::int64_t dimensions = byte(3);
  static const std::map<std::int64_t, std::string> types{
      {kUnsignedByte, "unsigned bytes"}, {0x09, "signed bytes"},  {0x0b, "16-bit integers"},
      {0x0c, "32-bit integers"},         {0x0d, "32-bit floats"}, {0x0e, "64-bit floats"}};
  const auto type = types.find(byte(2));
  if (byte(0) != 0 || byte(1) != 0 || type == types.end() || dimensions == 0) {
    throw damaged(
        fmt::format("is no IDX file: it begins with {:02x} {:02x} {:02x} {:02x}, not with 00 00 08 "
                    "and a number of dimensions",
                    byte(0), byte(1), byte(2), dimensions));
  }
  if (byte(2) != kUnsignedByte) {
    throw failure(
        fmt::format(
            "holds {} (type {:02x}); only IDX files of unsigned bytes (type 08) can be read",
            type->second, byte(2)))
        .remedy("convert it first");
  }
  std::size_t at = 4;
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < dimensions; ++i, at += 4) {
    sizes.push_back(byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3));
  }
  return make_array(std::move(sizes), content.substr(at));
}

// .npy --------------------------------------------------------------------------------------------

constexpr std::string_view kMagic = "\x93NUMPY";

/// Takes the header off the front of `content`.
std::string_view take_header(std::string_view& content) {
  const auto byte = [&](std::size_t at) {
    return static_cast<std::size_t>(header_byte(content, at));
  };
  if (content.empty()) throw damaged("is empty");
  if (!content.starts_with(kMagic.substr(0, content.size()))) {
    throw damaged("is no .npy file: it does not begin with \\x93NUMPY");
  }
  const std::size_t major = byte(kMagic.size());
  const std::size_t minor = byte(kMagic.size() + 1);
  if (major < 1 || major > 3 || minor != 0) {
    throw damaged(
        fmt::format("has version {}.{} of the format; 1.0, 2.0 and 3.0 can be read", major, minor));
  }
  const std::size_t begin = kMagic.size() + (major == 1 ? 4 : 6);
  std::size_t length = 0;
  for (std::size_t at = begin; at-- > kMagic.size() + 2;) length = length << 8 | byte(at);
  if (content.size() < begin + length) throw damaged("cut short inside its header");
  const std::string_view header = content.substr(begin, length);
  content.remove_prefix(begin + length);
  return header;
}

/// The value of `key` in a Python dict, without its end: "'|u1", "True" or "(2, 3".
std::string_view value_of(std::string_view dict, std::string_view key) {
  const std::size_t at = dict.find(fmt::format("'{}':", key));
  if (at != std::string_view::npos) {
    dict.remove_prefix(at + key.size() + 3);
    dict.remove_prefix(std::min(dict.find_first_not_of(' '), dict.size()));
    const char begin = dict.empty() ? ' ' : dict.front();
    const char* const ends = begin == '(' ? ")" : begin == '[' ? "]" : begin == '\'' ? "'" : ",}";
    const std::size_t length = dict.find_first_of(ends, 1);
    if (length != std::string_view::npos) return dict.substr(0, length);
  }
  throw damaged("its header is damaged: it is no dict of descr, fortran_order and shape");
}

std::vector<std::int64_t> parse_shape(std::string_view text) {
  std::vector<std::int64_t> sizes;
  if (!text.starts_with('(')) throw damaged("its header is damaged: its shape is no tuple");
  while (!text.empty()) {
    text.remove_prefix(1);  // the parenthesis or a comma
    const std::size_t end = std::min(text.find(','), text.size());
    const std::string number = trimmed(text.substr(0, end));
    text.remove_prefix(end);
    if (number.empty() && text.empty()) break;  // behind the last comma
    const auto size = parse_integer(number);
    if (!size) throw damaged("its header is damaged: its shape has no numbers");
    sizes.push_back(*size);
  }
  return sizes;
}

void check_type(std::string_view descr, std::string_view fortran_order) {
  // A record array has a list here.
  const std::string type(descr.starts_with('\'') ? descr.substr(1) : "records");
  if (!type.ends_with("u1") || type.size() > 3) {
    const bool is_real = type.find('f') != std::string::npos;
    throw failure(
        fmt::format("holds elements of type '{}'; only uint8 ('|u1') can be read", printable(type)))
        .remedy(fmt::format("write it with numpy.save(file, images.astype(numpy.uint8)), {}",
                            is_real ? "numbers in [0, 1] multiplied by 255 and rounded before"
                                    : "where they go above 255 of images * 255.0 / images.max()"));
  }
  if (fortran_order != "False") {
    throw failure("is in Fortran order")
        .remedy("write it in C order: numpy.save(file, numpy.ascontiguousarray(images))");
  }
}

ByteArray parse_npy(std::string_view content) {
  const std::string_view header = take_header(content);
  check_type(value_of(header, "descr"), value_of(header, "fortran_order"));
  return make_array(parse_shape(value_of(header, "shape")), content);
}

}  // namespace

ByteArray read_idx(const std::filesystem::path& path) {
  try {
    return parse_idx(read_gz_file(path));
  } catch (Error& error) {
    if (error.kind() == ErrorKind::damaged) {
      error.remedy("get the file again (data/README.md says where)");
    }
    throw error.in(path);
  }
}

ByteArray read_npy(const std::filesystem::path& path) {
  const std::string content = read_file(path);
  if (content.starts_with("PK\x03\x04")) throw npz_failure(path);
  try {
    return parse_npy(content);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::damaged) error.remedy("write it with numpy.save");
    throw error.in(path);
  }
}

Error npz_failure(const std::filesystem::path& path) {
  return failure("is an .npz, several arrays in one file")
      .in(path)
      .remedy(fmt::format(
          "write its images into an .npy, and point data.path (with data.format: npy and, without "
          "labels, model.classes: 0) or --data at that:\n"
          "python3 -c \"import numpy, sys; a = numpy.load(sys.argv[1]); numpy.save('images.npy', "
          "max((a[k] for k in a if a[k].ndim > 2), key=len))\" {}",
          shell_quote(path.string())));
}

std::string npy_header(const std::vector<std::int64_t>& sizes) {
  std::string header = fmt::format("{{'descr': '|u1', 'fortran_order': False, 'shape': ({}{}), }}",
                                   fmt::join(sizes, ", "), sizes.size() == 1 ? "," : "");
  // The data begin at a multiple of 64 bytes: NumPy maps such files into memory.
  constexpr std::size_t kAlignment = 64;
  const std::size_t before = kMagic.size() + 4;
  const std::size_t whole = (before + header.size() + 1 + kAlignment - 1) / kAlignment * kAlignment;
  header.resize(whole - before - 1, ' ');
  header += '\n';
  std::string start(kMagic);
  start += {'\x01', '\x00', static_cast<char>(header.size() & 255U),
            static_cast<char>(header.size() >> 8U)};
  return start + header;
}

void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& sizes,
               std::string_view bytes) {
  write_file_atomically(path, npy_header(sizes).append(bytes));
}

}  // namespace dcgan
