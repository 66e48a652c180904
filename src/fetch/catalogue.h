// The public data sets that the program knows: where they lie and what their bytes must be.
//
// Plain data, without network or LibTorch: the front names the sets in its messages.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

/// A file that is taken out of an archive.
struct UnpackedFile {
  std::string name;
  std::int64_t bytes = 0;  ///< its size; without a sum, the most that it may have
  std::string sha256;      ///< lower-case hex; "": none is published, and the file may be missing
};

/// A file as it lies below a source's URL.
struct RemoteFile {
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256;                  ///< lower-case hex
  std::string content_sha256;          ///< of what is inside a .gz; "" where none is published
  std::vector<UnpackedFile> unpacked;  ///< of a .tar.gz; empty: the file stays as it is
};

struct KnownSet {
  std::string name;                  ///< as on the command line: "mnist"
  std::vector<std::string> sources;  ///< URLs of folders with the files, tried in turn
  std::vector<RemoteFile> files;
  std::int64_t train_images = 0;
  std::int64_t test_images = 0;
  std::array<std::int64_t, 3> shape{};  ///< [H, W, C]
  std::int64_t classes = 0;
  std::string licence;
  std::string homepage;
  std::string system_folder;  ///< where Debian's package puts it; "" where there is none
};

/// mnist, fashion-mnist, kmnist, cifar10 and cifar100.
const std::vector<KnownSet>& known_sets();

/// Throws a usage error that lists the names, or suggests the nearest, for a set that is not known.
const KnownSet& find_known_set(std::string_view name);

/// Bytes of all files as they are downloaded.
std::int64_t download_bytes(const KnownSet& set);

}  // namespace dcgan
