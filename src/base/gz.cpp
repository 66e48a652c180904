#include "base/gz.h"

#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <system_error>

#include "base/file.h"
#include "dcgan/error.h"

namespace dcgan {

std::string read_gz_file(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return read_file(path);  // which says why
  const std::unique_ptr<gzFile_s, decltype(&gzclose_r)> file(gzopen(path.c_str(), "rbe"),
                                                             &gzclose_r);
  if (!file) throw read_failure(path, errno);
  constexpr unsigned kChunk = 1U << 20;
  std::string bytes;
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
