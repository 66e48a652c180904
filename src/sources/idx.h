// The IDX format of MNIST and its kin: big-endian magic 00 00 08 dd (unsigned bytes, dd
// dimensions), dd sizes of 32 bits, then the bytes. Source: Y. LeCun, C. Cortes, C. Burges, "The
// MNIST database of handwritten digits". Files may be gzip-compressed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace dcgan {

struct IdxArray {
  std::vector<std::int64_t> sizes;  ///< [N] for labels, [N, H, W] for images
  std::vector<std::uint8_t> bytes;  ///< row-major, as many as the product of `sizes`
};

/// Reads a plain or gz file; gz is told by its first two bytes, not by its name. Throws `failure`
/// that names the file and the remedy when it is missing, not IDX, of another element type, cut
/// short, longer than its header says, or when its gz stream is damaged.
IdxArray read_idx(const std::filesystem::path& path);

}  // namespace dcgan
