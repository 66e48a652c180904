#include "sources/image_cache.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/file.h"
#include "base/gz.h"
#include "base/system_limits.h"
#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "sources/arrays.h"
#include "sources/image_source.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

/// `text` in one line and one column of the index.
std::string escaped(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const bool shows = static_cast<unsigned char>(c) >= ' ' && c != '\x7f' && c != '\\';
    line += shows ? std::string(1, c) : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return line;
}

// The rows ---------------------------------------------------------------------------------------

/// Of the same size for any number of rows.
std::string header_of(const RowFormat& format, std::int64_t rows) {
  return npy_header({rows, format.channels, format.height, format.width});
}

/// A .npy, uint8 [rows, C, H, W], that is written row by row under a temporary name and removed
/// unless it is completed. Everything here throws `failure` that names the file and its size.
class NewCache {
 public:
  /// In the place of what a killed process left at `path`, with room on the disk for `max_rows`.
  NewCache(fs::path path, const RowFormat& format, std::int64_t max_rows)
      : path_(std::move(path)), format_(format), max_rows_(max_rows), file_([this] {
          remove();
          return open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
        }()) {
    if (file_.get() < 0) fail(errno);
    int error = EINTR;
    while (error == EINTR) error = posix_fallocate(file_.get(), 0, place(max_rows));
    if (error != 0) fail(error);
  }
  ~NewCache() { remove(); }
  NewCache(const NewCache&) = delete;
  NewCache& operator=(const NewCache&) = delete;

  /// Not through a map: a full disk would be a signal there.
  void append(const std::uint8_t* row) { write(place(rows_++), row, format_.bytes()); }

  /// Flushes the rows and renames the file to `whole`.
  void complete(const fs::path& whole) {
    const std::string header = header_of(format_, rows_);
    write(0, header.data(), std::ssize(header));
    if (ftruncate(file_.get(), place(rows_)) != 0 || fsync(file_.get()) != 0 ||
        rename(path_.c_str(), whole.c_str()) != 0) {
      fail(errno);
    }
    path_.clear();
  }

 private:
  /// In bytes from the beginning of the file.
  std::int64_t place(std::int64_t row) const {
    return std::ssize(header_of(format_, row)) + row * format_.bytes();
  }

  void write(std::int64_t place, const void* bytes, std::int64_t size) const {
    const auto* const from = static_cast<const std::uint8_t*>(bytes);
    for (std::int64_t done = 0; done < size;) {
      const ssize_t count =
          pwrite(file_.get(), from + done, static_cast<std::size_t>(size - done), place + done);
      if (count < 0 && errno != EINTR) fail(errno);
      if (count > 0) done += count;
    }
  }

  void remove() const {
    if (!path_.empty()) unlink(path_.c_str());
  }

  [[noreturn]] void fail(int error) const {
    remove();
    throw failure(fmt::format("{}, and the decoded images take {}",
                              write_failure(path_, error).problem(),
                              format_bytes(place(max_rows_))))
        .in(path_)
        .remedy("set data.cache to another folder, or to none");
  }

  fs::path path_;  ///< empty once completed
  RowFormat format_;
  std::int64_t max_rows_;
  std::int64_t rows_ = 0;
  Descriptor file_;
};

/// The rows of the .npy at `path`, mapped read-only; nothing where it is not one of `rows` rows of
/// this format.
std::shared_ptr<const std::uint8_t> map_rows(const fs::path& path, const RowFormat& format,
                                             std::int64_t rows) {
  const std::string header = header_of(format, rows);
  const std::size_t size = header.size() + static_cast<std::size_t>(rows * format.bytes());
  // Not to wait for what is no file at all, such as a named pipe.
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status {};
  if (descriptor.get() < 0 || fstat(descriptor.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
      static_cast<std::size_t>(status.st_size) != size) {
    return nullptr;
  }
  void* const data = mmap(nullptr, size, PROT_READ, MAP_SHARED, descriptor.get(), 0);
  if (data == MAP_FAILED) throw read_failure(path, errno);
  const auto unmap = [data, size](const std::uint8_t*) { munmap(data, size); };
  const std::shared_ptr<const std::uint8_t> file(static_cast<const std::uint8_t*>(data), unmap);
  if (!std::equal(header.begin(), header.end(), static_cast<const char*>(data))) return nullptr;
  // The order of training is random: what takes half of the memory is not read ahead.
  const auto half = static_cast<std::size_t>(usable_memory() / 2);
  madvise(data, size, size < half ? MADV_WILLNEED : MADV_RANDOM);
  return {file, file.get() + header.size()};
}

// Decoding --------------------------------------------------------------------------------------

/// What became of a file.
struct Decoded {
  std::string problem;      ///< "" where it has a row
  std::int64_t height = 0;  ///< of the image before it was fitted
  std::int64_t width = 0;

  bool good() const { return problem.empty(); }
};

/// Reads, decodes and fits one file into `row`.
Decoded decode_file(const ImageFolder& folder, const ImageFile& file, const RowFormat& format,
                    std::uint8_t* row) {
  const fs::path path = folder.root / file.path;
  try {
    const Image image = decode_image(
        read_file(path), {.wanted = {format.height, format.width}, .white = format.white});
    write_row(image, format, row);
    const bool reduced = image.stored[0] > 0;
    return {"", reduced ? image.stored[0] : image.height, reduced ? image.stored[1] : image.width};
  } catch (Error& error) {
    return {error.in("").what()};
  }
}

/// Decodes the files `chosen`, some at a time, and sets what became of them in `found`, which has a
/// place for each file of `folder`. `append` gets the rows of those that are images, in order.
void decode_files(const ImageFolder& folder, const RowFormat& format,
                  const std::vector<std::int64_t>& chosen, std::vector<Decoded>& found,
                  const PrepareProgress& progress,
                  const std::function<void(const std::uint8_t*)>& append) {
  constexpr std::int64_t kBytesAtATime = std::int64_t{1} << 26;
  const std::int64_t size = format.bytes();
  const auto total = static_cast<std::int64_t>(chosen.size());
  const std::int64_t step =
      std::clamp<std::int64_t>(kBytesAtATime / size, 1, std::max<std::int64_t>(total, 1));
  std::vector<std::uint8_t> rows(static_cast<std::size_t>(step * size));
  for (std::int64_t first = 0; first < total; first += step) {
    const std::int64_t count = std::min(step, total - first);
    const auto file = [&](std::int64_t i) {
      return static_cast<std::size_t>(chosen[static_cast<std::size_t>(first + i)]);
    };
    const auto work = [&](std::int64_t i) {
      found[file(i)] = decode_file(folder, folder.files[file(i)], format, rows.data() + i * size);
    };
    for_each_image(count, work, [&](std::int64_t done, std::int64_t) {
      if (progress) progress(first + done, total);
    });
    for (std::int64_t i = 0; i < count; ++i) {
      if (found[file(i)].good()) append(rows.data() + i * size);
    }
  }
}

/// Which rows there are when `found` became of the files `chosen`, and which of these are bad.
void list_rows(const ImageFolder& folder, const std::vector<std::int64_t>& chosen,
               const std::vector<Decoded>& found, double held_out, PreparedImages& prepared) {
  for (const std::int64_t file : chosen) {
    const Decoded& one = found[static_cast<std::size_t>(file)];
    if (!one.good()) {
      prepared.bad.push_back({folder.files[static_cast<std::size_t>(file)].path, one.problem});
      continue;
    }
    prepared.files.push_back(file);
    prepared.training += is_held_out(file, held_out) ? 0 : 1;
    if (one.height > 0) prepared.sizes.add(one.height, one.width);
  }
}

// What belongs to what --------------------------------------------------------------------------

/// What is asked for, and where it is kept.
struct CacheOrder {
  const ImageFolder& folder;
  const RowFormat& format;
  double held_out;
  std::vector<std::int64_t> files;  ///< in the order of the rows: those held out come last
  std::string key;                  ///< what the rows depend on beside the files; two lines
  fs::path rows;
  fs::path index;
  fs::path part;  ///< the rows while they are written
  fs::path lock;
};

CacheOrder make_order(const ImageFolder& folder, const RowFormat& format, double held_out,
                      const fs::path& cache_folder) {
  std::error_code error;
  fs::path root = fs::canonical(folder.root, error);  // the same however it was spelled
  if (error) root = folder.root;
  std::string key =
      fmt::format("{}\n{} x {} x {}, fit {}, background {:02x}{:02x}{:02x}, held out {}, levels {}",
                  escaped(root.string()), format.channels, format.height, format.width,
                  to_string(format.fit), format.background[0], format.background[1],
                  format.background[2], held_out, to_string(format.levels));
  // Short enough for every file system. The whole key is in the index.
  constexpr std::size_t kMaxName = 100;
  const std::string name = root.filename().string().substr(0, kMaxName);
  const std::string base = (cache_folder / fmt::format("{}-{:08x}", name.empty() ? "images" : name,
                                                       crc32_of(key.data(), key.size())))
                               .string();
  const std::int64_t count = std::ssize(folder.files);
  std::vector<std::int64_t> files = indices_of(DataSplit::train, count, held_out);
  const std::vector<std::int64_t> last = indices_of(DataSplit::test, count, held_out);
  files.insert(files.end(), last.begin(), last.end());
  return {folder,        format,          held_out,       std::move(files), std::move(key),
          base + ".npy", base + ".index", base + ".part", base + ".lock"};
}

// The index -------------------------------------------------------------------------------------

constexpr std::string_view kColumns = "row\tbytes modified changed inode crc\tpath\tproblem\n";
constexpr std::string_view kNoRow = "-";

/// Whether the file system would say of a changed file that it changed. FAT, squashfs and others
/// keep no time of changes: they give none, or that of writing, in whole seconds.
bool records_changes(const FileStamp& stamp) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  const bool is_copy = stamp.changed == stamp.modified && stamp.changed % kSecond == 0;
  return stamp.inode != 0 && stamp.changed != 0 && !is_copy;
}

/// The CRC-32 of a file's content where nothing else tells of a change; "-" elsewhere.
std::string content_crc(const ImageFolder& folder, const ImageFile& file) {
  if (records_changes(file.stamp)) return "-";
  try {
    const std::string content = read_file(folder.root / file.path);
    return fmt::format("{:08x}", crc32_of(content.data(), content.size()));
  } catch (const Error&) {
    return "unreadable";
  }
}

std::string index_text(const CacheOrder& order, const std::vector<Decoded>& found,
                       const PreparedImages& prepared) {
  const auto& [smallest, largest] = prepared.sizes;
  std::string text =
      fmt::format("dcgan image cache 1, white {}, CRC-32 {:08x} {:08x}, sizes {} {} {} {}\n{}\n{}",
                  prepared.white, prepared.crcs[0], prepared.crcs[1], smallest[0], smallest[1],
                  largest[0], largest[1], order.key, kColumns);
  std::vector<std::int64_t> row_of(found.size());
  for (std::size_t row = 0; row < prepared.files.size(); ++row) {
    row_of[static_cast<std::size_t>(prepared.files[row])] = static_cast<std::int64_t>(row);
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    const ImageFile& file = order.folder.files[i];
    const FileStamp& stamp = file.stamp;
    text += found[i].good() ? std::to_string(row_of[i]) : kNoRow;
    fmt::format_to(std::back_inserter(text), "\t{} {} {} {} {}\t{}\t{}\n", stamp.bytes,
                   stamp.modified, stamp.changed, stamp.inode, content_crc(order.folder, file),
                   escaped(file.path), escaped(found[i].problem));
  }
  return text;
}

/// The cache if it is of these very files. What its index found is read and written again: all of
/// it must be the same. A file without a row is looked at again, since one that could not be read
/// may have become well without a change.
std::optional<PreparedImages> open_cache(const CacheOrder& order) {
  std::string text;
  try {
    text = read_file(order.index);
  } catch (const Error&) {
    return std::nullopt;
  }
  PreparedImages prepared;
  auto& [smallest, largest] = prepared.sizes;
  std::sscanf(text.c_str(),
              "dcgan image cache 1, white %5u, CRC-32 %8x %8x, sizes %9ld %9ld %9ld %9ld",
              &prepared.white, &prepared.crcs[0], &prepared.crcs[1], &smallest[0], &smallest[1],
              &largest[0], &largest[1]);
  std::vector<Decoded> found(order.folder.files.size());
  std::vector<std::int64_t> bad;
  std::size_t line = text.find(kColumns);
  for (std::size_t i = 0; i < found.size() && line != std::string::npos; ++i) {
    line = text.find('\n', line) + 1;
    if (text.compare(line, kNoRow.size(), kNoRow) == 0) bad.push_back(static_cast<std::int64_t>(i));
  }
  decode_files(order.folder, order.format, bad, found, {}, [](const std::uint8_t*) {});
  list_rows(order.folder, order.files, found, order.held_out, prepared);
  if (index_text(order, found, prepared) != text) return std::nullopt;
  prepared.cache = order.rows;
  prepared.rows = map_rows(order.rows, order.format, prepared.size());
  return prepared.rows ? std::optional(prepared) : std::nullopt;
}

// Building --------------------------------------------------------------------------------------

PreparedImages build_cache(const CacheOrder& order, const PrepareProgress& progress) {
  RowFormat format = order.format;
  if (format.levels == Levels::automatic) format.white = find_white(order.folder, format, progress);
  // An index must not stand beside rows that are not its own.
  std::error_code ignored;
  fs::remove(order.index, ignored);
  fs::remove(order.rows, ignored);

  std::vector<Decoded> found(order.folder.files.size());
  NewCache cache(order.part, format, static_cast<std::int64_t>(found.size()));
  decode_files(order.folder, format, order.files, found, progress,
               [&](const std::uint8_t* row) { cache.append(row); });
  PreparedImages prepared;
  list_rows(order.folder, order.files, found, order.held_out, prepared);
  prepared.white = format.white;
  cache.complete(order.rows);
  prepared.cache = order.rows;
  prepared.rows = map_rows(order.rows, format, prepared.size());
  if (!prepared.rows) {
    throw failure("another program changed it while it was built")
        .in(order.rows)
        .remedy("try again");
  }
  const auto training = static_cast<std::size_t>(prepared.training * format.bytes());
  const auto whole = static_cast<std::size_t>(prepared.size() * format.bytes());
  prepared.crcs = {crc32_of(prepared.rows.get(), training),
                   crc32_of(prepared.rows.get() + training, whole - training)};
  write_file_atomically(order.index, index_text(order, found, prepared));
  return prepared;
}

// Where caches lie --------------------------------------------------------------------------------

/// Whether files can be written into `path`, which is made where it is not there.
bool can_hold_files(const fs::path& path) {
  std::error_code ignored;
  fs::create_directories(path, ignored);
  return faccessat(AT_FDCWD, path.c_str(), W_OK | X_OK, AT_EACCESS) == 0;
}

/// `path`, in a folder where everybody may write, made where it is not there. Another user's would
/// let them choose what is trained on, and what is written.
fs::path own_folder(const fs::path& path) {
  const char* const remedy = "set data.cache to a folder, or to none";
  const bool made = mkdir(path.c_str(), 0700) == 0;
  if (!made && errno != EEXIST) throw write_failure(path, errno).remedy(remedy);
  struct stat status {};
  const bool own = made || (lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
                            status.st_uid == geteuid() && (status.st_mode & 022) == 0);
  if (own) return path;
  throw failure("is no folder that only you may write to").in(path).remedy(remedy);
}

}  // namespace

fs::path cache_folder(const std::string& setting) {
  if (setting != "auto") return setting;
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, {"HOME", ".cache"}}) {
    const char* const value = std::getenv(variable);
    if (value == nullptr || *value != '/') continue;
    const fs::path folder = fs::path(value) / below / "dcgan";
    if (can_hold_files(folder)) return folder;  // a container's HOME may be /, or nowhere
  }
  std::error_code error;
  fs::path temporary = fs::temp_directory_path(error);
  if (error) temporary = "/tmp";  // TMPDIR is empty, or names no folder
  // Each user's own: one user's may be closed to the others.
  return own_folder(temporary / fmt::format("dcgan-{}", geteuid()));
}

std::uint32_t find_white(const ImageFolder& folder, const RowFormat& format,
                         const PrepareProgress& progress) {
  const auto read = [&](std::int64_t i) {
    const ImageFile& file = folder.files[static_cast<std::size_t>(i)];
    return read_image(folder.root / file.path, {.wanted = {format.height, format.width}});
  };
  return find_white(static_cast<std::int64_t>(folder.files.size()), read, progress);
}

PreparedImages decode_into_memory(const ImageFolder& folder, const RowFormat& format,
                                  const std::vector<std::int64_t>& chosen,
                                  const PrepareProgress& progress) {
  const auto size = static_cast<std::size_t>(format.bytes());
  const std::shared_ptr<std::uint8_t[]> rows(new std::uint8_t[chosen.size() * size]);
  std::vector<Decoded> found(folder.files.size());
  std::uint8_t* end = rows.get();
  decode_files(folder, format, chosen, found, progress,
               [&](const std::uint8_t* row) { end = std::copy_n(row, size, end); });
  PreparedImages prepared;
  list_rows(folder, chosen, found, /*held_out=*/0, prepared);
  prepared.white = format.white;
  prepared.rows = {rows, rows.get()};
  return prepared;
}

PreparedImages open_image_cache(const ImageFolder& folder, const RowFormat& format, double held_out,
                                const fs::path& cache_folder, const PrepareProgress& progress) {
  try {
    make_folder(cache_folder);
  } catch (Error& error) {
    throw error.remedy("set data.cache to another folder, or to none");
  }
  CacheOrder order = make_order(folder, format, held_out, cache_folder);
  FileLock lock(order.lock);
  for (; lock.busy(); lock.try_lock()) {  // another process is building it
    if (progress) progress(0, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  if (std::optional<PreparedImages> prepared = open_cache(order)) return *std::move(prepared);
  // Without locks others may be building the same cache: each writes rows of its own.
  if (!lock.held()) order.part += fmt::format(".{:08x}", std::random_device()());
  return build_cache(order, progress);
}

}  // namespace dcgan
