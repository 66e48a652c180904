#include "sources/arrays.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/file.h"
#include "base/gz.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

using namespace std::string_view_literals;

/// Throws unless `data`, all that stands behind a file's header, is what it promises.
void check_size(const std::vector<std::int64_t>& sizes, std::int64_t element_bytes,
                std::string_view data) {
  std::int64_t count = element_bytes;
  for (const std::int64_t size : sizes) {
    if (size < 0 || __builtin_mul_overflow(count, size, &count)) {
      throw damaged("its header is damaged");
    }
  }
  const auto there = static_cast<std::int64_t>(data.size());
  if (there != count) {
    throw damaged(fmt::format("its header promises {} bytes of data, but {} are there",
                              format_count(count), format_count(there)));
  }
}

/// Of the sizes in a file's header and all that stands behind it.
ByteArray make_array(std::vector<std::int64_t> sizes, std::string_view data) {
  check_size(sizes, 1, data);
  return {std::move(sizes), {data.begin(), data.end()}};
}

std::size_t byte_at(std::string_view content, std::size_t at) {
  if (at >= content.size()) throw damaged("is cut short");
  return static_cast<unsigned char>(content[at]);
}

ByteArray parse_idx(std::string_view content) {
  if (!content.starts_with("\0\0\x08"sv)) {
    throw damaged("is no IDX file of unsigned bytes: it does not begin with 00 00 08");
  }
  const std::size_t data = 4 + 4 * byte_at(content, 3);
  std::vector<std::int64_t> sizes;
  for (std::size_t at = 4; at < data; at += 4) {
    std::int64_t size = 0;
    for (std::size_t i = at; i < at + 4; ++i) {
      size = size << 8 | static_cast<std::int64_t>(byte_at(content, i));
    }
    sizes.push_back(size);
  }
  return make_array(std::move(sizes), content.substr(data));
}

constexpr std::string_view kMagic = "\x93NUMPY";

/// What stands in a .npy file.
struct NpyContent {
  std::string type;  ///< of the elements, such as "|u1"
  bool fortran_order = false;
  std::vector<std::int64_t> sizes;
  std::string_view data;
};

NpyContent parse_npy(std::string_view content) {
  if (!content.starts_with(kMagic)) {
    throw damaged("is no .npy file: it does not begin with \\x93NUMPY");
  }
  const std::size_t begin = byte_at(content, kMagic.size()) == 1 ? 10 : 12;
  std::size_t length = 0;
  for (std::size_t at = begin; at-- > 8;) length = length << 8 | byte_at(content, at);
  if (content.size() < begin + length) throw damaged("is cut short");
  std::string header(content.substr(begin, length));
  // With lists in the place of tuples Python's dict is YAML.
  std::replace(header.begin(), header.end(), '(', '[');
  std::replace(header.begin(), header.end(), ')', ']');
  try {
    const YAML::Node dict = YAML::Load(header);
    return {dict["descr"].as<std::string>("records"), dict["fortran_order"].as<bool>(),
            dict["shape"].as<std::vector<std::int64_t>>(), content.substr(begin + length)};
  } catch (const YAML::Exception&) {
    throw damaged("its header is damaged");
  }
}

void check_order(const NpyContent& content) {
  if (!content.fortran_order) return;
  throw failure("is in Fortran order")
      .remedy("write it in C order: numpy.save(file, numpy.ascontiguousarray(array))");
}

ByteArray parse_bytes(std::string_view bytes) {
  NpyContent content = parse_npy(bytes);
  if (content.type != "|u1") {
    throw failure(fmt::format("holds elements of type '{}'; only uint8 ('|u1') can be read",
                              printable(content.type)))
        .remedy(
            "write it with numpy.save(file, images.astype(numpy.uint8)), numbers in [0, 1] "
            "multiplied by 255 before");
  }
  check_order(content);
  return make_array(std::move(content.sizes), content.data);
}

template <typename Element>
std::vector<float> to_floats(std::string_view data) {
  std::vector<Element> elements(data.size() / sizeof(Element));
  std::memcpy(elements.data(), data.data(), data.size());
  return {elements.begin(), elements.end()};
}

FloatArray parse_floats(std::string_view bytes) {
  NpyContent content = parse_npy(bytes);
  const bool is_double = content.type == "<f8";
  if (content.type != "<f4" && !is_double) {
    throw failure(fmt::format("holds elements of type '{}'; float32 or float64 is needed",
                              printable(content.type)))
        .remedy("write it with numpy.save(file, array.astype(numpy.float32))");
  }
  check_order(content);
  check_size(content.sizes, is_double ? sizeof(double) : sizeof(float), content.data);
  return {std::move(content.sizes),
          is_double ? to_floats<double>(content.data) : to_floats<float>(content.data)};
}

/// What `parse` makes of a .npy file.
template <typename Parse>
auto read_npy_file(const std::filesystem::path& path, Parse parse) {
  const std::string content = read_file(path);
  try {
    return parse(content);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::damaged) error.remedy("write it with numpy.save");
    throw error.in(path);
  }
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

ByteArray read_npy(const std::filesystem::path& path) { return read_npy_file(path, parse_bytes); }

FloatArray read_float_npy(const std::filesystem::path& path) {
  return read_npy_file(path, parse_floats);
}

std::string npy_header(const std::vector<std::int64_t>& sizes, std::string_view type) {
  // Of 118 bytes after these ten: NumPy maps data that begin at a multiple of 64 bytes.
  const std::string dict =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type,
                  fmt::join(sizes, ", "), sizes.size() == 1 ? "," : "");
  return std::string(kMagic) + std::string("\1\0\x76\0"sv) + fmt::format("{:<117}\n", dict);
}

void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& sizes,
               std::string_view bytes, std::string_view type) {
  write_file_atomically(path, npy_header(sizes, type).append(bytes));
}

}  // namespace dcgan
