#include "fetch/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <new>
#include <set>

#include "base/descriptor.h"
#include "base/file.h"
#include "base/text.h"
#include "fetch/digest.h"
#include "fetch/output_file.h"

namespace dcgan {
namespace {

using Reader = std::unique_ptr<struct archive, decltype(&archive_read_free)>;

/// What an archive may hold beside the wanted files, such as a readme.
constexpr std::int64_t kMostOtherBytes = std::int64_t{1} << 20;
constexpr std::size_t kMostOtherEntries = 64;

Reader make_reader() {
  Reader reader(archive_read_new(), &archive_read_free);
  if (!reader) throw std::bad_alloc();
  archive_read_support_filter_gzip(reader.get());
  archive_read_support_format_tar(reader.get());
  return reader;
}

std::string damaged(struct archive* reader) {
  const char* const reason = archive_error_string(reader);
  return fmt::format("is damaged or cut short ({})",
                     reason == nullptr ? "unknown reason" : printable(reason));
}

/// "" for a file or a folder at a path that stays inside.
std::string entry_problem(struct archive_entry* entry) {
  const char* const path = archive_entry_pathname(entry);
  if (path == nullptr || *path == '\0') return "holds a file without a readable name";
  const std::string shown = printable(path);
  if (archive_entry_hardlink(entry) != nullptr) {
    return fmt::format("holds '{}', a hard link", shown);
  }
  switch (archive_entry_filetype(entry)) {
    case AE_IFREG:
    case AE_IFDIR:
      break;
    case AE_IFLNK:
      return fmt::format("holds '{}', a symbolic link", shown);
    default:
      return fmt::format("holds '{}', a device, a pipe or a socket", shown);
  }
  const std::filesystem::path parts(path);
  const bool climbs =
      std::any_of(parts.begin(), parts.end(), [](const auto& p) { return p == ".."; });
  if (parts.is_absolute() || climbs) {
    return fmt::format("holds '{}', a path that leads out of its folder", shown);
  }
  return "";
}

/// The wanted file that an entry is, or nullptr.
const UnpackedFile* wanted_file(struct archive_entry* entry,
                                const std::vector<UnpackedFile>& files) {
  if (archive_entry_filetype(entry) != AE_IFREG) return nullptr;
  const std::filesystem::path path =
      std::filesystem::path(archive_entry_pathname(entry)).lexically_normal();
  if (std::distance(path.begin(), path.end()) > 2) return nullptr;
  const std::string name = path.filename().string();
  const auto found = std::find_if(files.begin(), files.end(),
                                  [&](const UnpackedFile& file) { return file.name == name; });
  return found == files.end() ? nullptr : &*found;
}

class Unpacking {
 public:
  Unpacking(struct archive* reader, const std::vector<UnpackedFile>& files,
            const std::filesystem::path& folder)
      : reader_(reader), files_(files), folder_(folder) {}

  std::string run() {
    std::size_t entries = 0;
    for (;;) {
      struct archive_entry* entry = nullptr;
      const int code = archive_read_next_header(reader_, &entry);
      if (code == ARCHIVE_EOF) return missing_file();
      // A warning is about a name's encoding or a date: neither matters here.
      if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return damaged(reader_);
      if (++entries > files_.size() + kMostOtherEntries) {
        return fmt::format("holds more than {} files", files_.size() + kMostOtherEntries);
      }
      std::string problem = entry_problem(entry);
      if (problem.empty()) {
        const UnpackedFile* const file = wanted_file(entry, files_);
        problem = file == nullptr ? skip() : take(*file);
      }
      if (!problem.empty()) return problem;
    }
  }

 private:
  std::string missing_file() const {
    for (const UnpackedFile& file : files_) {
      if (!file.sha256.empty() && !taken_.contains(file.name)) {
        return fmt::format("lacks '{}'", file.name);
      }
    }
    return "";
  }

  /// Calls `use` with the entry's data until it returns a problem.
  template <typename Use>
  std::string read_data(Use use) {
    for (;;) {
      const la_ssize_t count = archive_read_data(reader_, buffer_.data(), buffer_.size());
      if (count == 0) return "";
      if (count < 0) return damaged(reader_);
      std::string problem = use(std::string_view(buffer_.data(), static_cast<std::size_t>(count)));
      if (!problem.empty()) return problem;
    }
  }

  std::string skip() {
    return read_data([this](std::string_view bytes) -> std::string {
      other_bytes_ += static_cast<std::int64_t>(bytes.size());
      if (other_bytes_ <= kMostOtherBytes) return "";
      return fmt::format("holds more than {} that is not of the set",
                         format_bytes(kMostOtherBytes));
    });
  }

  std::string take(const UnpackedFile& file) {
    if (!taken_.insert(file.name).second) return fmt::format("holds '{}' twice", file.name);
    OutputFile output(folder_ / file.name);
    Sha256 sum;
    std::string problem = read_data([&](std::string_view bytes) -> std::string {
      if (output.size() + static_cast<std::int64_t>(bytes.size()) > file.bytes) {
        return fmt::format("holds '{}' with more than {} bytes", file.name,
                           format_count(file.bytes));
      }
      output.append(bytes);
      sum.update(bytes);
      return "";
    });
    if (!problem.empty() || file.sha256.empty()) return problem;
    if (output.size() < file.bytes) {
      return fmt::format("holds '{}' with {} bytes, not {}", file.name, format_count(output.size()),
                         format_count(file.bytes));
    }
    if (sum.finish() != file.sha256) {
      return fmt::format("holds '{}' with another SHA-256 than the published one", file.name);
    }
    output.flush();
    return "";
  }

  struct archive* reader_;
  const std::vector<UnpackedFile>& files_;
  const std::filesystem::path& folder_;
  std::set<std::string> taken_;
  std::int64_t other_bytes_ = 0;
  std::vector<char> buffer_ = std::vector<char>(std::size_t{1} << 16);
};

}  // namespace

std::string unpack(const std::filesystem::path& archive, const std::vector<UnpackedFile>& files,
                   const std::filesystem::path& folder) {
  const Descriptor descriptor(::open(archive.c_str(), O_RDONLY | O_CLOEXEC));
  if (descriptor.get() < 0) throw read_failure(archive, errno);
  const Reader reader = make_reader();
  constexpr std::size_t kBlock = std::size_t{1} << 16;
  if (archive_read_open_fd(reader.get(), descriptor.get(), kBlock) != ARCHIVE_OK) {
    return damaged(reader.get());
  }
  return Unpacking(reader.get(), files, folder).run();
}

std::string unpack_bytes(std::string_view archive, const std::vector<UnpackedFile>& files,
                         const std::filesystem::path& folder) {
  const Reader reader = make_reader();
  if (archive_read_open_memory(reader.get(), archive.data(), archive.size()) != ARCHIVE_OK) {
    return damaged(reader.get());
  }
  return Unpacking(reader.get(), files, folder).run();
}

}  // namespace dcgan
