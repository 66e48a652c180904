// Whole files, read and written, and locks. Nothing here leaves a half-written file behind.
#pragma once

#include <unistd.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dcgan/error.h"

namespace dcgan {

/// A file descriptor that is closed once. A negative number is none.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  ~Descriptor() { close(); }
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;

  int get() const { return value_; }
  /// False, with errno, where the file system reports a late error.
  bool close() { return value_ < 0 || ::close(std::exchange(value_, -1)) == 0; }

 private:
  int value_;
};

/// Reads a file, or a pipe to its end. Throws `failure` that names the file when it does not exist,
/// is a folder, or cannot be read.
std::string read_file(const std::filesystem::path& path);

/// The file in `folder` that training takes for `name`: a .gz may be plain, an IDX file .gz or
/// not, with a dot in place of the dash ("train-images.idx3-ubyte"). Empty where none is there.
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

/// Makes a folder and its parents. Throws `failure` naming `path` and the reason.
void make_folder(const std::filesystem::path& path);

/// Throws `failure` where no folder is at `path`, with why, and with `remedy` behind it.
void require_folder(const std::filesystem::path& path, const std::string& remedy);

/// The failures of every function here, for code that reads and writes in pieces: in `path`, with
/// what the error number means and the remedy.
Error read_failure(const std::filesystem::path& path, int error);
Error write_failure(const std::filesystem::path& path, int error);

/// A lock of a folder, or of a file, which is made where nothing is there. It ends with the object
/// or its process.
class FileLock {
 public:
  /// Tries once.
  explicit FileLock(const std::filesystem::path& path);

  /// Tries again. True once the lock is held.
  bool try_lock();

  /// Another process has it. Where there can be no lock, as on some network file systems and in a
  /// folder that is read-only, it is neither held nor busy.
  bool busy() const { return state_ == State::busy; }
  bool held() const { return state_ == State::held; }

 private:
  enum class State { none, busy, held };

  Descriptor descriptor_;
  State state_ = State::none;
};

/// The files "000620.png" of `folder` by their numbers, for the ending ".png"; none where there is
/// no such folder.
std::map<std::int64_t, std::filesystem::path> numbered_files(const std::filesystem::path& folder,
                                                             const std::string& ending);

/// True for a folder with at least one entry.
bool is_non_empty_folder(const std::filesystem::path& path);

}  // namespace dcgan
