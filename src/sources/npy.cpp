#include "sources/npy.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <limits>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr std::string_view kRemedy = "write it with numpy.save";

Error damaged(const std::string& file, const std::string& what) {
  return failure(fmt::format("{}: {}; {}", file, what, kRemedy));
}

/// The three entries of the header.
struct Header {
  std::optional<std::string> descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

/// Reads the Python dict, as far as NumPy writes it: names, True or False, a tuple of integers.
class HeaderReader {
 public:
  explicit HeaderReader(std::string_view text) : rest_(text) {}

  /// Nothing where it is not such a dict.
  std::optional<Header> read() {
    Header header;
    if (!take("{")) return std::nullopt;
    while (!take("}")) {
      const auto key = read_string();
      if (!key || !take(":") || !read_value(*key, header)) return std::nullopt;
      if (!take(",") && !begins_with('}')) return std::nullopt;
    }
    skip_spaces();
    return rest_.empty() ? std::optional(header) : std::nullopt;
  }

 private:
  void skip_spaces() {
    const std::size_t spaces = rest_.find_first_not_of(" \n");
    rest_.remove_prefix(spaces == std::string_view::npos ? rest_.size() : spaces);
  }
  bool begins_with(char c) {
    skip_spaces();
    return rest_.starts_with(c);
  }
  bool take(std::string_view word) {
    skip_spaces();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }
  std::optional<std::string> read_string() {
    if (!begins_with('\'') && !begins_with('"')) return std::nullopt;
    const std::size_t end = rest_.find(rest_[0], 1);
    if (end == std::string_view::npos) return std::nullopt;
    std::string text(rest_.substr(1, end - 1));
    rest_.remove_prefix(end + 1);
    return text;
  }
  std::optional<std::int64_t> read_integer() {
    skip_spaces();
    const std::size_t end = std::min(rest_.find_first_not_of("0123456789-"), rest_.size());
    const auto number = parse_integer(rest_.substr(0, end));
    rest_.remove_prefix(end);
    return number;
  }
  std::optional<std::vector<std::int64_t>> read_tuple() {
    std::vector<std::int64_t> numbers;
    if (!take("(")) return std::nullopt;
    while (!take(")")) {
      const auto number = read_integer();
      if (!number) return std::nullopt;
      numbers.push_back(*number);
      if (!take(",") && !begins_with(')')) return std::nullopt;
    }
    return numbers;
  }
  bool read_value(const std::string& key, Header& header) {
    if (key == "descr") {
      header.descr = read_string();
      // A record array has a list here, which is another element type.
      if (!header.descr && begins_with('[')) {
        header.descr = "records";
        const std::size_t end = rest_.find(']');
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      }
      return header.descr.has_value();
    }
    if (key == "fortran_order") {
      if (take("True")) header.fortran_order = true;
      if (take("False")) header.fortran_order = false;
      return header.fortran_order.has_value();
    }
    if (key == "shape") {
      header.shape = read_tuple();
      return header.shape.has_value();
    }
    return false;
  }

  std::string_view rest_;
};

/// Takes the header off the front of `content`.
std::string_view take_header(std::string_view& content, const std::string& file) {
  if (content.empty()) throw damaged(file, "is empty");
  if (content.starts_with("PK\x03\x04")) throw failure(npz_remedy(file));
  if (!content.starts_with(kMagic)) {
    if (kMagic.starts_with(content)) throw damaged(file, "cut short inside its header");
    throw damaged(file, "is no .npy file: it does not begin with \\x93NUMPY");
  }
  constexpr std::size_t kVersionEnd = kMagic.size() + 2;
  if (content.size() < kVersionEnd) throw damaged(file, "cut short inside its header");
  const int major = static_cast<unsigned char>(content[kMagic.size()]);
  const int minor = static_cast<unsigned char>(content[kMagic.size() + 1]);
  if (major < 1 || major > 3 || minor != 0) {
    throw damaged(file, fmt::format("has version {}.{} of the format; 1.0, 2.0 and 3.0 can be read",
                                    major, minor));
  }
  const std::size_t length_size = major == 1 ? 2 : 4;
  if (content.size() < kVersionEnd + length_size) {
    throw damaged(file, "cut short inside its header");
  }
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_size; ++i) {
    length |= std::size_t{static_cast<unsigned char>(content[kVersionEnd + i])} << (8 * i);
  }
  content.remove_prefix(kVersionEnd + length_size);
  if (content.size() < length) throw damaged(file, "cut short inside its header");
  const std::string_view header = content.substr(0, length);
  content.remove_prefix(length);
  return header;
}

std::int64_t count_elements(const std::vector<std::int64_t>& sizes, const std::string& file) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    if (size < 0) {
      throw damaged(file, fmt::format("its header is damaged: a size of {}", size));
    }
    if (size != 0 && count > std::numeric_limits<std::int64_t>::max() / size) {
      throw damaged(file, "its header is damaged: the sizes in it make more than 2^63 bytes");
    }
    count *= size;
  }
  return count;
}

void check_type(const Header& header, const std::string& file) {
  const std::string& type = *header.descr;
  if (type != "|u1" && type != "u1" && type != "<u1" && type != ">u1" && type != "=u1") {
    throw failure(
        fmt::format("{}: holds elements of type '{}'; only uint8 ('|u1') can be read, as in "
                    "numpy.save(file, images.astype(numpy.uint8)){}",
                    file, printable(type),
                    type.find('f') == std::string::npos
                        ? "; where they go above 255, images * 255.0 / images.max() first"
                        : "; numbers in [0, 1] must be multiplied by 255 and rounded before"));
  }
  if (*header.fortran_order) {
    throw failure(
        fmt::format("{}: is in Fortran order; write it in C order, as in "
                    "numpy.save(file, numpy.ascontiguousarray(images))",
                    file));
  }
}

}  // namespace

NpyArray read_npy(const std::filesystem::path& path) {
  const std::string file = path.string();
  const std::string content = read_file(path);
  std::string_view rest = content;
  const auto header = HeaderReader(take_header(rest, file)).read();
  if (!header || !header->descr || !header->fortran_order || !header->shape) {
    throw damaged(file, "its header is damaged: it is no dict of descr, fortran_order and shape");
  }
  check_type(*header, file);
  const auto count = static_cast<std::size_t>(count_elements(*header->shape, file));
  if (rest.size() < count) {
    throw damaged(file, fmt::format("cut short: its header promises {} bytes of data, but {} are "
                                    "there",
                                    format_count(static_cast<std::int64_t>(count)),
                                    format_count(static_cast<std::int64_t>(rest.size()))));
  }
  if (rest.size() > count) {
    throw damaged(file, fmt::format("goes on behind the {} bytes of data that its header promises",
                                    format_count(static_cast<std::int64_t>(count))));
  }
  return {*header->shape, {rest.begin(), rest.end()}};
}

std::string npz_remedy(const std::filesystem::path& path) {
  return fmt::format(
      "{}: is an .npz, several arrays in one file; write its images into an .npy, and point "
      "data.path (with data.format: npy and, without labels, model.classes: 0) or --data at that\n"
      "python3 -c \"import numpy, sys; a = numpy.load(sys.argv[1]); numpy.save('images.npy', "
      "max((a[k] for k in a if a[k].ndim > 2), key=len))\" {}",
      path.string(), shell_quote(path.string()));
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
