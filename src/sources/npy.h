// NumPy's .npy files, of unsigned bytes: how images go to and from a Python program.
//
// The format: "\x93NUMPY", a version (1.0, 2.0 or 3.0), the length of the header (2 bytes in 1.0, 4
// after it, little-endian), the header (a Python dict with 'descr', 'fortran_order' and 'shape'),
// then the elements. Source: NumPy Enhancement Proposal 1.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "dcgan/error.h"
#include "sources/byte_array.h"

namespace dcgan {

/// Throws an error with the file and the remedy when it is missing, no .npy, of another element
/// type than uint8, in Fortran order, cut short, or longer than its header says.
ByteArray read_npy(const std::filesystem::path& path);

/// That an .npz, several arrays in one file, is not read, and what to do with it.
Error npz_failure(const std::filesystem::path& path);

/// What stands before the elements of an array of uint8, as version 1.0: 128 bytes where the sizes
/// are four of at most 13 digits.
std::string npy_header(const std::vector<std::int64_t>& sizes);

/// Writes atomically, as version 1.0. `bytes`: row-major, as many as the product of `sizes`.
void write_npy(const std::filesystem::path& path, const std::vector<std::int64_t>& sizes,
               std::string_view bytes);

}  // namespace dcgan
