// gz files and CRC-32, by zlib.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>

namespace dcgan {

/// What is inside a gz file, or the bytes of another one: read_file() for both. Throws `damaged`
/// where the gz stream is.
std::string read_gz_file(const std::filesystem::path& path);

/// CRC-32; `before` is that of the bytes in front of these.
std::uint32_t crc32_of(const void* bytes, std::size_t size, std::uint32_t before = 0);

}  // namespace dcgan
