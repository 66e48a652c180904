#include "base/gz.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <memory>
#include <new>
#include <system_error>

#include "base/file.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

/// A gz file ends in the size of what is inside, modulo 2^32: enough to make room once.
std::size_t size_inside(const std::filesystem::path& path) {
  constexpr int kTrailer = 4;
  std::array<unsigned char, kTrailer> trailer{};
  std::ifstream file(path, std::ios::binary);
  file.seekg(-kTrailer, std::ios::end);
  file.read(reinterpret_cast<char*>(trailer.data()), kTrailer);
  return trailer[0] | trailer[1] << 8 | trailer[2] << 16 | std::size_t{trailer[3]} << 24;
}

}  // namespace

std::string read_gz_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return read_file(path);  // which says why
  const std::unique_ptr<gzFile_s, decltype(&gzclose_r)> file(gzopen(path.c_str(), "rbe"),
                                                             &gzclose_r);
  if (!file) throw read_failure(path, errno);
  constexpr unsigned kChunk = 1U << 20;
  constexpr std::size_t kMaxRoom = std::size_t{1} << 28;
  const bool is_plain = gzdirect(file.get()) != 0;
  const std::size_t expected = is_plain ? std::filesystem::file_size(path) : size_inside(path);
  std::string bytes;
  bytes.reserve(std::min(expected + kChunk, kMaxRoom));
  int count = 0;
  do {
    const std::size_t size = bytes.size();
    bytes.resize(size + kChunk);
    count = gzread(file.get(), bytes.data() + size, kChunk);
    bytes.resize(size + static_cast<std::size_t>(std::max(count, 0)));
  } while (count > 0);
  int code = Z_OK;
  gzerror(file.get(), &code);
  if (code == Z_OK) return bytes;
  if (code == Z_ERRNO) throw read_failure(path, errno);
  if (code == Z_MEM_ERROR) throw std::bad_alloc();
  if (code == Z_BUF_ERROR) throw damaged("cut short: its gz stream has no end").in(path);
  throw damaged("its gz stream is damaged").in(path);
}

std::uint32_t crc32_of(const void* bytes, std::size_t size, std::uint32_t before) {
  return static_cast<std::uint32_t>(crc32_z(before, static_cast<const Bytef*>(bytes), size));
}

}  // namespace dcgan
