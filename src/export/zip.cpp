#include "export/zip.h"

#include <archive.h>
#include <archive_entry.h>

#include <memory>
#include <new>

#include "dcgan/error.h"

namespace dcgan {
namespace {

la_ssize_t append_to_string(struct archive*, void* target, const void* data, std::size_t size) {
  static_cast<std::string*>(target)->append(static_cast<const char*>(data), size);
  return static_cast<la_ssize_t>(size);
}

/// Nothing here touches a file: only memory can be missing.
void require_memory(bool done) {
  if (!done) throw std::bad_alloc();
}

void require_whole(bool good) {
  if (!good) throw damaged("the zip archive is truncated or damaged").remedy("copy it again");
}

}  // namespace

std::string write_zip(const std::vector<ZipFile>& files) {
  std::string bytes;
  const std::unique_ptr<struct archive, decltype(&archive_write_free)> writer(archive_write_new(),
                                                                              &archive_write_free);
  require_memory(writer != nullptr);
  archive_write_set_format_zip(writer.get());
  archive_write_zip_set_compression_store(writer.get());
  archive_write_set_bytes_in_last_block(writer.get(), 1);
  require_memory(archive_write_open(writer.get(), &bytes, nullptr, append_to_string, nullptr) ==
                 ARCHIVE_OK);
  for (const ZipFile& file : files) {
    constexpr mode_t kReadable = 0644;
    const std::unique_ptr<struct archive_entry, decltype(&archive_entry_free)> entry(
        archive_entry_new(), &archive_entry_free);
    require_memory(entry != nullptr);
    archive_entry_set_pathname(entry.get(), file.name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(file.bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), kReadable);
    require_memory(archive_write_header(writer.get(), entry.get()) == ARCHIVE_OK &&
                   archive_write_data(writer.get(), file.bytes.data(), file.bytes.size()) ==
                       static_cast<la_ssize_t>(file.bytes.size()));
  }
  require_memory(archive_write_close(writer.get()) == ARCHIVE_OK);
  return bytes;
}

std::vector<ZipFile> read_zip(const std::string& bytes) {
  const std::unique_ptr<struct archive, decltype(&archive_read_free)> reader(archive_read_new(),
                                                                             &archive_read_free);
  require_memory(reader != nullptr);
  archive_read_support_format_zip_seekable(reader.get());  // by the directory at its end
  require_whole(archive_read_open_memory(reader.get(), bytes.data(), bytes.size()) == ARCHIVE_OK);
  std::vector<ZipFile> files;
  constexpr std::size_t kCompressed = 1 << 24;  // a TorchScript's code is
  std::size_t left = bytes.size() + kCompressed;
  for (struct archive_entry* entry = nullptr;;) {
    const int code = archive_read_next_header(reader.get(), &entry);
    if (code == ARCHIVE_EOF) return files;
    require_whole(code == ARCHIVE_OK);
    const char* const name = archive_entry_pathname(entry);
    const la_int64_t size = archive_entry_size(entry);
    require_whole(name != nullptr && size >= 0);
    if (static_cast<std::size_t>(size) > left) {
      throw failure("a zip archive of compressed files").remedy("torch.save writes none");
    }
    left -= static_cast<std::size_t>(size);
    std::string content(static_cast<std::size_t>(size), '\0');
    require_whole(archive_read_data(reader.get(), content.data(), content.size()) == size);
    char more = 0;  // at the end the checksum is compared
    require_whole(archive_read_data(reader.get(), &more, 1) == 0);
    files.push_back({name, std::move(content)});
  }
}

}  // namespace dcgan
