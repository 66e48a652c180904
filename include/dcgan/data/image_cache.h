// Decoded images on disk, mapped into memory: a folder of pictures is decoded once.
//
// One file a folder and row format:
//
//     header     fixed size: magic "DCGANIMG", version, state, counts, offsets, CRC-32s
//     key        what the rows depend on beside the files: folder, size, channels, fit, ...
//     entries    one a file, in the order of the paths: its size, time, CRC-32; its row's number, CRC-32
//     paths      each ended by a zero byte, in the same order
//     rows       at a page's boundary: uint8 [files, C, H, W]; those to train on come first
//
// Numbers are little-endian. The cache is checked against the folder each time it is opened: by
// paths and sizes, by times, and where only a time has changed by the file's content. Rows of files
// that are unchanged are taken from an older cache, or from one whose building was interrupted.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcgan/data/image_folder.h"
#include "dcgan/data/prepare.h"

namespace dcgan {

/// What a cache holds of one file.
struct CacheEntry {
  enum class State : std::uint8_t { missing = 0, good = 1, bad = 2 };

  std::int64_t bytes = 0;       ///< the file's size
  std::int64_t modified = 0;    ///< nanoseconds
  std::uint32_t file_crc = 0;   ///< CRC-32 of the file's content
  std::uint32_t row_crc = 0;    ///< CRC-32 of the row
  std::int64_t row = 0;         ///< which row is its own
  std::int32_t height = 0;      ///< of the decoded image, before it was fitted
  std::int32_t width = 0;
  State state = State::missing;
  std::array<std::uint8_t, 7> unused{};
};
static_assert(sizeof(CacheEntry) == 48);

struct PreparedImages {
  torch::Tensor rows;  ///< uint8 [good files, C, H, W], CPU; a map of the cache's file, read only
  std::vector<std::uint32_t> row_crcs;  ///< [good files]
  std::vector<std::int64_t> files;      ///< [good files]: which of the folder's it is
  std::int64_t training = 0;            ///< so many of the rows are not held out; they come first
  SizeRange sizes;                      ///< of the good files, before they were fitted
  std::vector<BadImage> bad;            ///< the first ten files that are no images
  std::int64_t bad_count = 0;
};

/// Decodes `folder` into memory: only the files in `chosen`, which become the rows in that order.
PreparedImages decode_into_memory(const ImageFolder& folder, const RowFormat& format,
                                  const std::vector<std::int64_t>& chosen,
                                  const PrepareProgress& progress);

/// Opens the cache of `folder` in `cache_folder`, or builds it. Another process that builds the same
/// one is waited for. Throws `failure` that names the file when it can't be written, with what is
/// needed and what is free where the disk is too small for it.
PreparedImages open_image_cache(const ImageFolder& folder, const RowFormat& format, double held_out,
                                const std::filesystem::path& cache_folder,
                                const PrepareProgress& progress);

/// `setting` is data.cache: "auto" is dcgan/ in $XDG_CACHE_HOME, or in ~/.cache, or in the folder for
/// temporary files where there is no home.
std::filesystem::path cache_folder(const std::string& setting);

}  // namespace dcgan
