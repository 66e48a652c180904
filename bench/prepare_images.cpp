// How fast a folder of pictures is prepared: its codecs alone, and the whole way into the cache.
//
//     prepare_images FOLDER [SIZE]
//
// prints one JSON object. Each is done three times in turns, on every core, with the files in the
// system's cache; the fastest counts. bench/prepare.py sets it beside torchvision.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "sources/image_cache.h"

namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

double seconds(const std::function<void()>& work) {
  const Clock::time_point start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// What any program must do: read and decode each file, here as large as it is needed.
void decode_all(const dcgan::ImageFolder& folder, std::int64_t size) {
  const auto work = [&](std::int64_t i) {
    const dcgan::ImageFile& file = folder.files[static_cast<std::size_t>(i)];
    try {
      dcgan::read_image(folder.root / file.path, {.wanted = {size, size}});
    } catch (const dcgan::Error&) {  // counted by the preparation
    }
  };
  dcgan::for_each_image(static_cast<std::int64_t>(folder.files.size()), work, {});
}

dcgan::PreparedImages prepare(const std::string& path, const dcgan::RowFormat& format,
                              const fs::path& cache) {
  return dcgan::open_image_cache(dcgan::list_images(path, false), format, 0.1, cache, {});
}

int measure(const std::string& path, std::int64_t size) {
  const dcgan::RowFormat format{{size, size, 3, dcgan::ImageFit::crop, {255, 255, 255}}};
  const fs::path cache = fs::temp_directory_path() / fmt::format("prepare-images-{}", getpid());
  const dcgan::ImageFolder folder = dcgan::list_images(path, false);
  double codec = 1e9;
  double whole = 1e9;
  double warm = 1e9;
  dcgan::PreparedImages images;
  for (int round = 0; round < 3; ++round) {
    images = {};
    fs::remove_all(cache);
    codec = std::min(codec, seconds([&] { decode_all(folder, size); }));
    whole = std::min(whole, seconds([&] { images = prepare(path, format, cache); }));
    warm = std::min(warm, seconds([&] { prepare(path, format, cache); }));
  }
  fs::remove_all(cache);
  const auto count = static_cast<double>(folder.files.size());
  fmt::print(
      "{{\"images\": {}, \"bad\": {}, \"size\": {}, \"codec_images_per_second\": {:.0f}, "
      "\"prepared_images_per_second\": {:.0f}, \"share_of_codec\": {:.3f}, "
      "\"warm_open_seconds\": {:.4f}}}\n",
      folder.files.size(), images.bad.size(), size, count / codec, count / whole, codec / whole,
      warm);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2 && argc != 3) {
    std::fputs("usage: prepare_images FOLDER [SIZE]\n", stderr);
    return 2;
  }
  constexpr std::int64_t kDefaultSize = 64;
  const auto size = argc == 3 ? dcgan::parse_integer(argv[2]) : kDefaultSize;
  if (!size || *size < 8 || *size > 1024) {
    std::fputs("prepare_images: SIZE must be an integer from 8 to 1024\n", stderr);
    return 2;
  }
  try {
    return measure(argv[1], *size);
  } catch (const dcgan::Error& error) {
    fmt::print(stderr, "prepare_images: {}\n", error.what());
    return error.exit_code();
  }
}
