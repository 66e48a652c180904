// Archives made entry by entry, so that they can lie.
#pragma once

#define ZLIB_CONST
#include <fmt/format.h>
#include <zlib.h>

#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "fetch/known_sets.h"

namespace dcgan::testing {

struct TarEntry {
  std::string name;
  std::string data;
  char type =
      '0';  ///< '0' file, '1' hard link, '2' symbolic link, '3' device, '5' folder, '6' pipe
  std::string link;
  std::int64_t size = -1;  ///< the size in the header; -1: the data's
};

/// One ustar header and the data, padded.
inline std::string tar_entry(const TarEntry& entry) {
  std::string header(512, '\0');
  const auto put = [&](std::size_t at, const std::string& text) {
    header.replace(at, text.size(), text);
  };
  const auto size = entry.size < 0 ? static_cast<std::int64_t>(entry.data.size()) : entry.size;
  put(0, entry.name);
  put(100, "0000644");
  put(108, "0000000");
  put(116, "0000000");
  put(124, fmt::format("{:011o}", size));
  put(136, "00000000000");
  put(148, "        ");
  put(156, std::string(1, entry.type));
  put(157, entry.link);
  put(257, std::string("ustar\0", 6) + "00");
  unsigned sum = 0;
  for (const char c : header) sum += static_cast<unsigned char>(c);
  put(148, fmt::format("{:06o}", sum) + std::string("\0 ", 2));
  const std::size_t padding = (512 - entry.data.size() % 512) % 512;
  return header + entry.data + std::string(padding, '\0');
}

inline std::string gz(const std::string& bytes) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = reinterpret_cast<const Bytef*>(bytes.data());
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  if (deflate(&stream, Z_FINISH) != Z_STREAM_END) throw std::runtime_error("deflate failed");
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

inline std::string tar_gz(const std::vector<TarEntry>& entries) {
  std::string tar;
  for (const TarEntry& entry : entries) tar += tar_entry(entry);
  return gz(tar + std::string(1024, '\0'));
}

/// Bytes that no compressor shrinks much, always the same.
inline std::string noise(std::size_t count, unsigned seed = 1) {
  std::string bytes;
  unsigned state = seed;
  for (std::size_t i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    bytes += static_cast<char>(state >> 24);
  }
  return bytes;
}

}  // namespace dcgan::testing
