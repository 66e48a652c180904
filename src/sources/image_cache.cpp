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
#include <sstream>
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

// The rows ---------------------------------------------------------------------------------------

/// Of the same size for any number of rows.
std::string header_of(const RowFormat& format, std::int64_t rows) {
  return npy_header({rows, format.channels, format.height, format.width});
}

/// The rows of the .npy at `path`, mapped read-only; nothing where it is not one of `rows` rows of
/// this format.
std::shared_ptr<const std::uint8_t> map_rows(const fs::path& path, const RowFormat& format,
                                             std::int64_t rows) {
  const std::string header = header_of(format, rows);
  const std::size_t size = header.size() + static_cast<std::size_t>(rows * format.bytes());
  const Descriptor descriptor(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status {};
  if (fstat(descriptor.get(), &status) != 0 || static_cast<std::size_t>(status.st_size) != size) {
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

// The cache -------------------------------------------------------------------------------------

constexpr const char* kCacheRemedy = "set data.cache to another folder, or to none";

/// What is asked for, and where it is kept.
struct CacheOrder {
  const ImageFolder& folder;
  RowFormat format;
  double held_out;
  std::vector<std::int64_t> files;  ///< in the order of the rows: those held out come last
  std::string text;                 ///< what the rows depend on: the index begins with it
  std::string base;                 ///< path without its ending
};

CacheOrder make_order(const ImageFolder& folder, const RowFormat& format, double held_out,
                      const fs::path& cache_folder) {
  const fs::path root = fs::weakly_canonical(folder.root);  // the same however it was spelled
  const std::string key =
      fmt::format("{}\n{} x {} x {}, fit {}, background {:02x}{:02x}{:02x}, held out {}, levels {}",
                  root.string(), format.channels, format.height, format.width,
                  to_string(format.fit), format.background[0], format.background[1],
                  format.background[2], held_out, to_string(format.levels));
  std::string text = fmt::format("dcgan image cache 2\n{}\nbytes modified changed path\n", key);
  for (const ImageFile& file : folder.files) {
    const FileStamp& stamp = file.stamp;
    fmt::format_to(std::back_inserter(text), "{} {} {} {}\n", stamp.bytes, stamp.modified,
                   stamp.changed, file.path);
  }
  const std::int64_t count = std::ssize(folder.files);
  std::vector<std::int64_t> files = indices_of(DataSplit::train, count, held_out);
  const std::vector<std::int64_t> last = indices_of(DataSplit::test, count, held_out);
  files.insert(files.end(), last.begin(), last.end());
  const std::string name =
      fmt::format("{}-{:08x}", root.filename().string(), crc32_of(key.data(), key.size()));
  return {folder, format, held_out, std::move(files), std::move(text), cache_folder / name};
}

/// What became of the files, behind the order's text in the index.
std::string results_text(const PreparedImages& prepared, const std::vector<Decoded>& found) {
  const auto& [smallest, largest] = prepared.sizes;
  std::string text = fmt::format(
      "white, CRC-32 of training and of held-out rows, smallest and largest picture, problems\n"
      "{} {} {} {} {} {} {}\n",
      prepared.white, prepared.crcs[0], prepared.crcs[1], smallest[0], smallest[1], largest[0],
      largest[1]);
  for (std::size_t file = 0; file < found.size(); ++file) {
    if (!found[file].good()) text += fmt::format("{} {}\n", file, found[file].problem);
  }
  return text;
}

/// The cache if it is of these very files.
std::optional<PreparedImages> open_cache(const CacheOrder& order) {
  std::error_code ignored;
  const std::string index = order.base + ".index";
  const std::string text = fs::exists(index, ignored) ? read_file(index) : "";
  if (!text.starts_with(order.text)) return std::nullopt;
  std::istringstream results(text.substr(order.text.size()));
  std::string line;
  std::getline(results, line);
  PreparedImages prepared;
  auto& [smallest, largest] = prepared.sizes;
  results >> prepared.white >> prepared.crcs[0] >> prepared.crcs[1] >> smallest[0] >> smallest[1] >>
      largest[0] >> largest[1];
  if (!results) return std::nullopt;
  std::vector<Decoded> found(order.folder.files.size());
  for (std::size_t file = 0; results >> file && std::getline(results >> std::ws, line);) {
    if (file < found.size()) found[file].problem = line;
  }
  list_rows(order.folder, order.files, found, order.held_out, prepared);
  prepared.cache = order.base + ".npy";
  prepared.rows = map_rows(prepared.cache, order.format, prepared.size());
  return prepared.rows ? std::optional(prepared) : std::nullopt;
}

/// Decodes into a .npy under a temporary name, which is renamed when it is whole and removed when
/// it will not be. Not through a map: a full disk would be a signal there.
void write_rows(const CacheOrder& order, std::vector<Decoded>& found,
                const PrepareProgress& progress) {
  const std::string part = order.base + ".part";
  const auto row_bytes = static_cast<std::size_t>(order.format.bytes());
  const std::size_t header_bytes = header_of(order.format, 0).size();  // of any number of rows
  const auto size_of = [&](std::int64_t rows) {
    return static_cast<std::int64_t>(header_bytes) + rows * order.format.bytes();
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(part.c_str(), "wbe"),
                                                             &std::fclose);
  const auto require = [&](bool is_good) {
    if (is_good) return;
    throw failure(fmt::format("{}, and the decoded images take {}",
                              write_failure(part, errno).problem(),
                              format_bytes(size_of(std::ssize(found)))))
        .in(part)
        .remedy(kCacheRemedy);
  };
  require(file != nullptr);
  try {
    errno = posix_fallocate(fileno(file.get()), 0, size_of(std::ssize(found)));
    require(errno == 0);
    std::int64_t rows = 0;
    const auto write = [&](const void* bytes, std::size_t size) {
      require(std::fwrite(bytes, 1, size, file.get()) == size);
    };
    write(header_of(order.format, rows).data(), header_bytes);  // their number comes last
    decode_files(order.folder, order.format, order.files, found, progress,
                 [&](const std::uint8_t* row) {
                   write(row, row_bytes);
                   ++rows;
                 });
    std::rewind(file.get());
    write(header_of(order.format, rows).data(), header_bytes);
    require(std::fflush(file.get()) == 0);
    require(ftruncate(fileno(file.get()), size_of(rows)) == 0);
    require(fsync(fileno(file.get())) == 0);
    fs::rename(part, order.base + ".npy");
  } catch (...) {
    std::error_code ignored;
    fs::remove(part, ignored);
    throw;
  }
}

PreparedImages build_cache(CacheOrder order, const PrepareProgress& progress) {
  RowFormat& format = order.format;
  if (format.levels == Levels::automatic) format.white = find_white(order.folder, format, progress);
  std::error_code ignored;
  fs::remove(order.base + ".index", ignored);  // must not stand beside rows that are not its own

  std::vector<Decoded> found(order.folder.files.size());
  write_rows(order, found, progress);
  PreparedImages prepared;
  list_rows(order.folder, order.files, found, order.held_out, prepared);
  prepared.white = format.white;
  prepared.cache = order.base + ".npy";
  prepared.rows = map_rows(prepared.cache, format, prepared.size());
  if (!prepared.rows) throw failure("cannot be read back").in(prepared.cache).remedy(kCacheRemedy);
  const auto training = static_cast<std::size_t>(prepared.training * format.bytes());
  const auto whole = static_cast<std::size_t>(prepared.size() * format.bytes());
  prepared.crcs = {crc32_of(prepared.rows.get(), training),
                   crc32_of(prepared.rows.get() + training, whole - training)};
  write_file_atomically(order.base + ".index", order.text + results_text(prepared, found));
  return prepared;
}

}  // namespace

fs::path cache_folder(const std::string& setting) {
  if (setting != "auto") return setting;
  for (const auto& [variable, below] : {std::pair{"XDG_CACHE_HOME", ""}, {"HOME", ".cache"}}) {
    const char* const value = std::getenv(variable);
    if (value != nullptr && *value == '/') return fs::path(value) / below / "dcgan";
  }
  throw failure("there is no home folder (HOME) to keep decoded images in")
      .in("data.cache")
      .remedy("set data.cache to a folder, or to none");
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
    throw error.remedy(kCacheRemedy);
  }
  const CacheOrder order = make_order(folder, format, held_out, cache_folder);
  FileLock lock(order.base + ".lock");
  for (; lock.busy(); lock.try_lock()) {  // another process is building it
    if (progress) progress(0, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  if (std::optional<PreparedImages> prepared = open_cache(order)) return *std::move(prepared);
  return build_cache(order, progress);
}

}  // namespace dcgan
