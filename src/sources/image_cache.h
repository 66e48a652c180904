// Decoded images on disk, mapped into memory: a folder of pictures is decoded once.
//
// A cache is a .npy, uint8 [N, C, H, W], in which the rows to train on come first, and an index
// beside it: text that says of which folder, files and settings the rows are. It is built anew
// where a file's path, size or times are no longer those of the index.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sources/image_folder.h"
#include "sources/prepare.h"

namespace dcgan {

struct PreparedImages {
  /// [good files, C, H, W]: in memory, or a map of the cache's file, which they keep.
  std::shared_ptr<const std::uint8_t> rows;
  std::vector<std::int64_t> files;      ///< [good files]: which of the folder's it is
  std::int64_t training = 0;            ///< so many of the rows are not held out; they come first
  std::uint32_t white = kFullRange;     ///< RowFormat::white of the rows
  SizeRange sizes;                      ///< of the good files, before they were fitted
  std::vector<BadImage> bad;            ///< the files that are no images or can't be read
  std::filesystem::path cache;          ///< the .npy that is mapped; "" where rows are in memory
  std::array<std::uint32_t, 2> crcs{};  ///< CRC-32 of a cache's rows: to train on, and held out

  std::int64_t size() const { return static_cast<std::int64_t>(files.size()); }  ///< good files
};

/// As find_white() of prepare.h, of all files in `folder`.
std::uint32_t find_white(const ImageFolder& folder, const RowFormat& format,
                         const PrepareProgress& progress);

/// Decodes `folder` into memory: only the files in `chosen`, which become the rows in that order.
PreparedImages decode_into_memory(const ImageFolder& folder, const RowFormat& format,
                                  const std::vector<std::int64_t>& chosen,
                                  const PrepareProgress& progress);

/// `setting` is data.cache: "auto" is dcgan/ in $XDG_CACHE_HOME, or in ~/.cache. Throws `failure`
/// where there is no home.
std::filesystem::path cache_folder(const std::string& setting);

/// Opens the cache of `folder` in `cache_folder`, or builds it. Another process that is busy with
/// the same one is waited for. A cache that is there is enough: it may lie where nothing can be
/// written. Throws `failure` that names the file and its size when it can't be written.
PreparedImages open_image_cache(const ImageFolder& folder, const RowFormat& format, double held_out,
                                const std::filesystem::path& cache_folder,
                                const PrepareProgress& progress);

}  // namespace dcgan
