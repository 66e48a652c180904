// SHA-256 (FIPS 180-4), by OpenSSL's libcrypto: libcurl loads it anyway, so it is no further
// library on the user's system, and it uses the CPU's instructions for it.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace dcgan {

class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;

  void update(std::string_view bytes);
  /// 64 lower-case hex digits. Call it once, at the end.
  std::string finish();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Of a regular file's bytes. Throws `failure` that names the file when it can't be read.
std::string sha256_of_file(const std::filesystem::path& path);

/// Of what is inside a gz file. nullopt where its stream is damaged, cut short, or holds more than
/// `most` bytes. Throws `failure` that names the file when it can't be read.
std::optional<std::string> sha256_of_gz_content(const std::filesystem::path& path,
                                                std::int64_t most);

}  // namespace dcgan
