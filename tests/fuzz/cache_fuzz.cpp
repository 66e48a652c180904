// Any bytes over the cache of a folder of pictures: opening it must find the damage or not, but
// nothing may crash, and each row must be where the description says.
//
// The input is a list of changes to a whole cache: where (2 bytes), how many bytes, and those.
// After them the checksum of the index is put right or not, and the file cut or not.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "base/file.h"
#include "dcgan/error.h"
#include "sources/cache_file.h"
#include "sources/image_cache.h"
#include "support/put_picture.h"
#include "support/temp_folder.h"

namespace {

using namespace dcgan;

constexpr RowFormat kFormat{4, 4, 3, ImageFit::crop, {255, 255, 255}};
constexpr double kHeldOut = 0.4;

/// Five files, one of which is no image.
struct Pictures {
  testing::TempFolder folder;
  testing::TempFolder caches;
  ImageFolder list;
  std::filesystem::path cache;
  std::string whole;  ///< the cache's content

  Pictures() {
    for (int i = 0; i < 4; ++i) testing::put_picture(folder / (std::to_string(i) + ".png"), 10 * i);
    write_file_atomically(folder / "4.png", "no image");
    list = list_images(folder.path(), false);
    open();
    for (const auto& entry : std::filesystem::directory_iterator(caches.path())) {
      if (entry.path().extension() == ".images") cache = entry.path();
    }
    whole = read_file(cache);
  }
  PreparedImages open() const {
    return open_image_cache(list, kFormat, kHeldOut, caches.path(), {});
  }
};

/// Changes `file` as the input says; returns the choice behind the changes.
unsigned change(std::string& file, const std::uint8_t* data, std::size_t size) {
  while (size > 3) {
    const std::size_t at = (data[0] | std::size_t{data[1]} << 8) % file.size();
    const std::size_t count = std::min({std::size_t{data[2]} % 16, size - 3, file.size() - at});
    std::copy_n(data + 3, count, file.begin() + static_cast<std::ptrdiff_t>(at));
    data += 3 + count;
    size -= 3 + count;
  }
  return size == 0 ? 0 : data[0];
}

/// Makes it a cache whose building was interrupted, or puts its checksum right where that can be.
void set_state(std::string& file, bool half_built) {
  CacheHeader header;
  file.copy(reinterpret_cast<char*>(&header), sizeof header);
  header.complete = half_built ? 0 : 1;
  const auto index = sizeof header;
  const std::int64_t rows = header.files * header.row_bytes;
  const auto size = static_cast<std::int64_t>(file.size());
  if (header.files < 0 || header.files > size || header.row_bytes < 0 || header.row_bytes > size ||
      rows > size - static_cast<std::int64_t>(index)) {
    return;
  }
  header.index_crc = crc_of(file.data() + index, size - rows - static_cast<std::int64_t>(index));
  file.replace(0, sizeof header, reinterpret_cast<const char*>(&header), sizeof header);
}

void check(const PreparedImages& images) {
  if (images.size() + images.bad_count != 5 || images.training > images.size() ||
      images.row_crcs.size() != images.files.size()) {
    std::abort();
  }
  std::uint32_t sum = 0;
  for (std::int64_t i = 0; i < images.size(); ++i) {
    const std::int64_t file = images.files[static_cast<std::size_t>(i)];
    if (file < 0 || file >= 5) std::abort();
    sum += crc_of(images.rows.get() + i * kFormat.bytes(), kFormat.bytes());
  }
  static volatile std::uint32_t used = 0;  // so that the rows are read
  used = used + sum;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Pictures pictures;
  std::string file = pictures.whole;
  const unsigned choice = change(file, data, size);
  const bool half_built = (choice & 4) != 0;
  if ((choice & 1) == 0) set_state(file, half_built);
  if ((choice & 2) != 0) file.resize(file.size() * (choice >> 3) / 32);
  const std::filesystem::path part = pictures.cache.string() + ".part";
  std::filesystem::remove(pictures.cache);
  write_file_atomically(half_built ? part : pictures.cache, file, Flush::no);
  try {
    check(pictures.open());
    check(pictures.open());  // of what the first one left
  } catch (const Error&) {
    std::abort();  // whatever is there is built anew
  }
  return 0;
}
