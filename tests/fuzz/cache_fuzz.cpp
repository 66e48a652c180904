// Any bytes over the index of a cache of pictures and over the header of its rows: opening it must
// find the damage or not, but nothing may crash, and each row must be where the description says.
//
// The input is a list of changes: where (2 bytes), how many bytes, and those; then a byte that says
// in which file, and whether it is cut.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <numeric>
#include <string>

#include "base/file.h"
#include "dcgan/error.h"
#include "sources/image_cache.h"
#include "support/put_picture.h"
#include "support/temp_folder.h"

namespace {

using namespace dcgan;

constexpr RowFormat kFormat{{4, 4, 3, ImageFit::crop, {255, 255, 255}}};

/// Five files, one of which is no image.
struct Pictures {
  testing::TempFolder folder;
  testing::TempFolder caches;
  ImageFolder list;
  std::filesystem::path rows;
  std::filesystem::path index;
  std::string whole_rows;
  std::string whole_index;

  Pictures() {
    for (int i = 0; i < 4; ++i) testing::put_picture(folder / (std::to_string(i) + ".png"), 10 * i);
    write_file_atomically(folder / "4.png", "no image");
    list = list_images(folder.path(), false);
    rows = index = open().cache;
    index.replace_extension(".index");
    whole_rows = read_file(rows);
    whole_index = read_file(index);
  }
  PreparedImages open() const {
    return open_image_cache(list, kFormat, /*held_out=*/0.4, caches.path(), {});
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

void check(const PreparedImages& images) {
  if (images.size() != 4 || images.bad.size() != 1) std::abort();
  const std::uint8_t* const rows = images.rows.get();
  // Every row is read.
  if (std::accumulate(rows, rows + images.size() * kFormat.bytes(), 0) < 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const Pictures pictures;
  const bool in_rows = size > 0 && (data[size - 1] & 1) != 0;
  std::string file = in_rows ? pictures.whole_rows : pictures.whole_index;
  const unsigned choice = change(file, data, size);
  if ((choice & 2) != 0) file.resize(file.size() * (choice >> 3) / 32);
  write_file_atomically(pictures.rows, in_rows ? file : pictures.whole_rows, Flush::no);
  write_file_atomically(pictures.index, in_rows ? pictures.whole_index : file, Flush::no);
  try {
    check(pictures.open());
    check(pictures.open());  // of what the first one left
  } catch (const Error&) {
    std::abort();  // whatever is there is built anew
  }
  return 0;
}
