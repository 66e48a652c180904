// Files of unsigned bytes in any shape: IDX, in which MNIST and its kin come, and NumPy's .npy, by
// which images go to and from a Python program.
//
// IDX: the magic 00 00 08 dd (unsigned bytes, dd dimensions), dd big-endian sizes of 32 bits, then
// the bytes. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".
//
// .npy: "\x93NUMPY", a version (1.0, 2.0 or 3.0), the length of the header (2 bytes in 1.0, 4
// after it, little-endian), the header (a Python dict with 'descr', 'fortran_order' and 'shape'),
// then the elements. Source: NumPy Enhancement Proposal 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

struct ByteArray {
  std::vector<std::int64_t> sizes;  ///< IDX: [N] for labels, [N, H, W] for images
  std::vector<std::uint8_t> bytes;  ///< row-major, as many as the product of `sizes`
};

/// Both read a whole file. They throw an error with the file and the remedy when it is missing, of
/// another format, of another element type, cut short, or longer than its header says. An IDX file
/// may be gz, told by its first two bytes, not by its name; a .npy must be in C order.
ByteArray read_idx(const std::filesystem::path& path);
ByteArray read_npy(const std::filesystem::path& path);

struct FloatArray {
  std::vector<std::int64_t> sizes;
  std::vector<float> numbers;  ///< row-major, as many as the product of `sizes`
};

/// The same of a .npy of little-endian float32 or float64, which becomes float32.
FloatArray read_float_npy(const std::filesystem::path& path);

/// What stands before the elements of an array, as version 1.0: 128 bytes where the sizes are four
/// of at most 13 digits. `type`: uint8, or "<f4" for float32.
std::string npy_header(const std::vector<std::int64_t>& sizes, std::string_view type = "|u1");

/// Writes atomically, as version 1.0. `bytes`: row-major, of elements of `type`.
void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& sizes,
               std::string_view bytes, std::string_view type = "|u1");

}  // namespace dcgan
