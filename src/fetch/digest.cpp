#include "fetch/digest.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cerrno>
#include <functional>
#include <new>
#include <vector>

#include "base/descriptor.h"
#include "base/file.h"

namespace dcgan {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 18;

/// Hands out the file piece by piece; `take` returns false where it has seen enough.
void read_in_pieces(const std::filesystem::path& path,
                    const std::function<bool(std::string_view)>& take) {
  const Descriptor descriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (descriptor.get() < 0) throw read_failure(path, errno);
  struct stat status {};
  if (::fstat(descriptor.get(), &status) != 0) throw read_failure(path, errno);
  if (S_ISDIR(status.st_mode)) throw read_failure(path, EISDIR);
  if (!S_ISREG(status.st_mode)) throw failure(path.string() + ": is not a regular file");
  std::vector<char> buffer(kChunk);
  for (;;) {
    const ssize_t count = ::read(descriptor.get(), buffer.data(), buffer.size());
    if (count == 0) return;
    if (count < 0 && errno != EINTR) throw read_failure(path, errno);
    if (count > 0 && !take({buffer.data(), static_cast<std::size_t>(count)})) return;
  }
}

/// The content of a gz file's members, fed piece by piece.
class GzContent {
 public:
  explicit GzContent(std::int64_t most) : room_(most), buffer_(kChunk) {
    constexpr int kLargestWindow = 15;
    constexpr int kGzWrapper = 16;
    if (inflateInit2(&stream_, kLargestWindow + kGzWrapper) != Z_OK) throw std::bad_alloc();
  }
  ~GzContent() { inflateEnd(&stream_); }
  GzContent(const GzContent&) = delete;
  GzContent& operator=(const GzContent&) = delete;

  /// False where the stream is damaged or holds too much.
  bool feed(std::string_view bytes) {
    // zlib does not write to its input.
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream_.avail_in = static_cast<uInt>(bytes.size());
    while (stream_.avail_in > 0) {
      if (at_end_ && inflateReset(&stream_) != Z_OK) return false;
      at_end_ = false;
      do {
        stream_.next_out = buffer_.data();
        stream_.avail_out = static_cast<uInt>(buffer_.size());
        const int code = inflate(&stream_, Z_NO_FLUSH);
        if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return false;
        const std::size_t count = buffer_.size() - stream_.avail_out;
        room_ -= static_cast<std::int64_t>(count);
        if (room_ < 0) return false;
        sum_.update({reinterpret_cast<const char*>(buffer_.data()), count});
        at_end_ = code == Z_STREAM_END;
      } while (!at_end_ && stream_.avail_out == 0);
    }
    return true;
  }
  bool at_end() const { return at_end_; }
  std::string finish() { return sum_.finish(); }

 private:
  std::int64_t room_;
  std::vector<Bytef> buffer_;
  z_stream stream_{};
  bool at_end_ = false;
  Sha256 sum_;
};

}  // namespace

struct Sha256::Impl {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free};
};

Sha256::Sha256() : impl_(std::make_unique<Impl>()) {
  if (!impl_->context || EVP_DigestInit_ex(impl_->context.get(), EVP_sha256(), nullptr) != 1) {
    throw std::bad_alloc();
  }
}

Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(std::string_view bytes) {
  EVP_DigestUpdate(impl_->context.get(), bytes.data(), bytes.size());
}

std::string Sha256::finish() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int length = 0;
  EVP_DigestFinal_ex(impl_->context.get(), digest.data(), &length);
  std::string text;
  for (unsigned int i = 0; i < length; ++i) {
    text += kDigits[digest[i] >> 4];
    text += kDigits[digest[i] & 15];
  }
  return text;
}

std::string sha256_of_file(const std::filesystem::path& path) {
  Sha256 sum;
  read_in_pieces(path, [&](std::string_view bytes) {
    sum.update(bytes);
    return true;
  });
  return sum.finish();
}

std::optional<std::string> sha256_of_gz_content(const std::filesystem::path& path,
                                                std::int64_t most) {
  GzContent content(most);
  bool sound = true;
  read_in_pieces(path, [&](std::string_view bytes) { return sound = content.feed(bytes); });
  if (!sound || !content.at_end()) return std::nullopt;
  return content.finish();
}

}  // namespace dcgan
