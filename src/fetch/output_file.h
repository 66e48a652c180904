// A file that is written piece by piece. Every error is a `failure` that names it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "base/descriptor.h"

namespace dcgan {

class OutputFile {
 public:
  /// Opens it for writing at its end, and makes it where it is not there.
  explicit OutputFile(std::filesystem::path path);

  std::int64_t size() const { return size_; }
  void append(std::string_view bytes);
  /// Makes it empty.
  void clear();
  /// To the disk. Late errors of the file system show here.
  void flush();

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
  std::int64_t size_ = 0;
};

/// Renames within a file system, over what may be there.
void rename_file(const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace dcgan
