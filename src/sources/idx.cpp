#include "sources/idx.h"

#define ZLIB_CONST  // zlib then takes its input as const
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr std::string_view kGzMagic = "\x1f\x8b";
constexpr std::uint8_t kUnsignedByte = 0x08;

/// Every complaint about a file's content ends with the same way out.
Error damaged(const std::string& file, const std::string& what) {
  return failure(file + ": " + what + "; get the file again (data/README.md says where)");
}

/// The content of a file in order, whatever it is wrapped in.
class ByteReader {
 public:
  virtual ~ByteReader() = default;
  /// Fills `out` with the next `count` bytes; returns how many there were, fewer only at the end.
  virtual std::size_t read(std::uint8_t* out, std::size_t count) = 0;
};

class PlainReader : public ByteReader {
 public:
  explicit PlainReader(std::string_view content) : rest_(content) {}

  std::size_t read(std::uint8_t* out, std::size_t count) override {
    const std::size_t taken = rest_.copy(reinterpret_cast<char*>(out), count);
    rest_.remove_prefix(taken);
    return taken;
  }

 private:
  std::string_view rest_;
};

/// One or more gz members, one behind the other, as `cat a.gz b.gz` makes them.
class GzReader : public ByteReader {
 public:
  GzReader(std::string_view content, std::string file) : rest_(content), file_(std::move(file)) {
    constexpr int kLargestWindow = 15;
    constexpr int kGzWrapper = 16;
    if (inflateInit2(&stream_, kLargestWindow + kGzWrapper) != Z_OK) throw std::bad_alloc();
  }
  ~GzReader() override { inflateEnd(&stream_); }
  GzReader(const GzReader&) = delete;
  GzReader& operator=(const GzReader&) = delete;

  std::size_t read(std::uint8_t* out, std::size_t count) override {
    constexpr std::size_t kMostAtOnce = std::size_t{1} << 30;  // zlib counts in 32 bits
    std::size_t done = 0;
    while (done < count && !at_end_) {
      const std::size_t offered = std::min(rest_.size(), kMostAtOnce);
      const std::size_t room = std::min(count - done, kMostAtOnce);
      stream_.next_in = reinterpret_cast<const Bytef*>(rest_.data());
      stream_.avail_in = static_cast<uInt>(offered);
      stream_.next_out = out + done;
      stream_.avail_out = static_cast<uInt>(room);
      const int code = inflate(&stream_, Z_NO_FLUSH);
      rest_.remove_prefix(offered - stream_.avail_in);
      done += room - stream_.avail_out;
      if (code == Z_STREAM_END) {
        begin_next_member();
      } else if (code == Z_BUF_ERROR) {
        throw damaged(file_, "cut short: its gz stream has no end");
      } else if (code == Z_MEM_ERROR) {
        throw std::bad_alloc();
      } else if (code != Z_OK) {
        const std::string reason = stream_.msg != nullptr ? stream_.msg : "unknown reason";
        throw damaged(file_, "its gz stream is damaged (" + reason + ")");
      }
    }
    return done;
  }

 private:
  void begin_next_member() {
    at_end_ = rest_.empty();
    if (at_end_) return;
    if (!rest_.starts_with(kGzMagic)) {
      throw damaged(file_, "has " + format_count(static_cast<std::int64_t>(rest_.size())) +
                               " bytes behind the end of its gz stream");
    }
    inflateReset(&stream_);
  }

  std::string_view rest_;
  std::string file_;
  z_stream stream_{};
  bool at_end_ = false;
};

std::unique_ptr<ByteReader> open_reader(std::string_view content, const std::string& file) {
  if (content.starts_with(kGzMagic)) return std::make_unique<GzReader>(content, file);
  return std::make_unique<PlainReader>(content);
}

std::string hex(std::uint8_t byte) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  return {kDigits[byte >> 4], kDigits[byte & 15]};
}

/// The name of an IDX element type, or "" for a byte that stands for none.
std::string element_type_name(std::uint8_t type) {
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

/// Reads magic and sizes, and checks them as far as they can be without the data.
std::vector<std::int64_t> read_sizes(ByteReader& reader, const std::string& file) {
  std::array<std::uint8_t, 4> magic{};
  const std::size_t magic_length = reader.read(magic.data(), magic.size());
  if (magic_length == 0) throw damaged(file, "is empty");
  if (magic_length < magic.size()) throw damaged(file, "cut short inside its header");
  const std::string type_name = element_type_name(magic[2]);
  if (magic[0] != 0 || magic[1] != 0 || type_name.empty() || magic[3] == 0) {
    throw damaged(file, "is no IDX file: it begins with " + hex(magic[0]) + " " + hex(magic[1]) +
                            " " + hex(magic[2]) + " " + hex(magic[3]) +
                            ", not with 00 00 08 and a number of dimensions");
  }
  if (magic[2] != kUnsignedByte) {
    throw failure(file + ": holds " + type_name + " (type " + hex(magic[2]) +
                  "); only IDX files of unsigned bytes (type 08) can be read, so convert it first");
  }

  std::vector<std::int64_t> sizes;
  for (int dimension = 0; dimension < magic[3]; ++dimension) {
    std::array<std::uint8_t, 4> size{};
    if (reader.read(size.data(), size.size()) < size.size()) {
      throw damaged(file, "cut short inside its header");
    }
    sizes.push_back(std::int64_t{size[0]} << 24 | size[1] << 16 | size[2] << 8 | size[3]);
  }
  return sizes;
}

/// The product of `sizes`. Sizes of 0 count like any other.
std::int64_t count_elements(const std::vector<std::int64_t>& sizes, const std::string& file) {
  if (std::find(sizes.begin(), sizes.end(), 0) != sizes.end()) return 0;
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) {
    if (size > std::numeric_limits<std::int64_t>::max() / count) {
      throw damaged(file, "its header is damaged: the sizes in it make more than 2^63 bytes");
    }
    count *= size;
  }
  return count;
}

/// Reads `count` bytes. Memory grows with what the file really holds, not with what it promises.
std::vector<std::uint8_t> read_elements(ByteReader& reader, std::int64_t count,
                                        const std::string& file) {
  constexpr std::size_t kChunk = std::size_t{1} << 20;
  constexpr std::size_t kMostReserved = std::size_t{1} << 26;  // all of MNIST without a move
  const auto wanted = static_cast<std::size_t>(count);
  std::vector<std::uint8_t> bytes;
  bytes.reserve(std::min(wanted, kMostReserved));
  while (bytes.size() < wanted) {
    const std::size_t before = bytes.size();
    const std::size_t asked = std::min(kChunk, wanted - before);
    bytes.resize(before + asked);
    const std::size_t taken = reader.read(bytes.data() + before, asked);
    if (taken < asked) {
      throw damaged(
          file, "cut short: its header promises " + format_count(count) + " bytes of data, but " +
                    format_count(static_cast<std::int64_t>(before + taken)) + " are there");
    }
  }
  std::uint8_t beyond = 0;
  // Also takes a gz stream to its end, where zlib compares the checksum.
  if (reader.read(&beyond, 1) != 0) {
    throw damaged(file, "goes on behind the " + format_count(count) +
                            " bytes of data that its header promises");
  }
  return bytes;
}

}  // namespace

IdxArray read_idx(const std::filesystem::path& path) {
  const std::string file = path.string();
  const std::string content = read_file(path);
  const std::unique_ptr<ByteReader> reader = open_reader(content, file);
  IdxArray array;
  array.sizes = read_sizes(*reader, file);
  array.bytes = read_elements(*reader, count_elements(array.sizes, file), file);
  return array;
}

}  // namespace dcgan
