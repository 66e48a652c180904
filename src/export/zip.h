// Zip archives in memory, as .npz and .pth are.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace dcgan {

struct ZipFile {
  std::string name;
  std::string bytes;
};

/// Uncompressed and without times: the same files give the same bytes.
std::string write_zip(const std::vector<ZipFile>& files);

/// Throws `damaged`, without where, for what is truncated or fails its checksums; `failure` for
/// what is far larger than `bytes` once decompressed.
std::vector<ZipFile> read_zip(const std::string& bytes);

}  // namespace dcgan
