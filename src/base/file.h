// Whole files, read and written. Nothing here leaves a half-written file behind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/descriptor.h"
#include "dcgan/error.h"

namespace dcgan {

/// Reads a whole regular file. Throws `failure` that names the file when it does not exist, is a
/// folder, or cannot be read.
std::string read_file(const std::filesystem::path& path);

/// Reads a file, a pipe or a device to its end, waiting for whoever writes to it. Nothing where it
/// gives more than `most` bytes. Throws `failure` as read_file() does.
std::optional<std::string> read_up_to(const std::filesystem::path& path, std::size_t most);

/// The file in `folder` that training takes for `name`: a .gz may be plain, an IDX file .gz or
/// not, with a dot in place of the dash ("train-images.idx3-ubyte"). Empty where none is there. A
/// link to nowhere counts: reading it then says why.
std::filesystem::path find_spelling(const std::string& name, const std::filesystem::path& folder);

/// The names that find_spelling() looks for, in its order.
std::vector<std::string> spellings(const std::string& name);

enum class Flush { yes, no };

/// Writes a whole file or nothing: to a temporary name in the same folder, flushed to disk, then
/// renamed over `path`; the folder is flushed too. An existing file is replaced in one step. On
/// any error (no such folder, no permission, full disk) the temporary is removed, the old file
/// stays as it was, and a `failure` names `path` and the reason.
/// `Flush::no` leaves the flushing to the system: for files that are many and easily made again.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes,
                           Flush flush = Flush::yes);

/// Removes what write_file_atomically() left in `folder` if its process was killed on the way. Call
/// it only where no other process is writing.
void remove_stale_temporaries(const std::filesystem::path& folder);

/// A file that grows by whole lines, such as metrics.jsonl.
class LineFile {
 public:
  /// Opens an existing file at its end. Throws `failure` naming it.
  explicit LineFile(std::filesystem::path path);

  /// Writes `line` and a newline; the kernel has them when this returns. Throws `failure` naming
  /// the file.
  void append(std::string_view line);

 private:
  std::filesystem::path path_;
  Descriptor descriptor_;
};

/// Makes a folder and its parents. Throws `failure` naming `path` and the reason.
void make_folder(const std::filesystem::path& path);

/// Throws `failure` where no folder is at `path`, with why, and with `remedy` behind it.
void require_folder(const std::filesystem::path& path, const std::string& remedy);

/// The failures of every function here, for code that reads and writes in pieces: in `path`, with
/// what the error number means and the remedy.
Error read_failure(const std::filesystem::path& path, int error);
Error write_failure(const std::filesystem::path& path, int error);

/// True for a folder with at least one entry (dot files count).
bool is_non_empty_folder(const std::filesystem::path& path);

}  // namespace dcgan
