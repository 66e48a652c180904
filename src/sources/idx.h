// The IDX format of MNIST and its kin: big-endian magic 00 00 08 dd (unsigned bytes, dd
// dimensions), dd sizes of 32 bits, then the bytes. Source: Y. LeCun, C. Cortes, C. Burges, "The
// MNIST database of handwritten digits". Files may be gzip-compressed.
#pragma once

#include <filesystem>

#include "sources/byte_array.h"

namespace dcgan {

/// Reads a plain or gz file; gz is told by its first two bytes, not by its name. Throws an error
/// with the file and the remedy when it is missing, not IDX, of another element type, cut short,
/// longer than its header says, or when its gz stream is damaged.
ByteArray read_idx(const std::filesystem::path& path);

}  // namespace dcgan
