#include "sources/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <exception>
#include <mutex>
#include <thread>

#include "base/cores.h"
#include "base/multiversion.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "image/fit.h"
#include "sources/image_folder.h"

namespace dcgan {
namespace {

constexpr auto kProgressEvery = std::chrono::milliseconds(100);

/// Hands out numbers to threads until they are all gone or one has failed.
struct Workers {
  std::int64_t count;
  const std::function<void(std::int64_t)>& work;
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> done{0};
  std::mutex mutex;
  std::condition_variable ended;
  std::size_t running = 0;
  std::exception_ptr error;

  void run() {
    try {
      for (std::int64_t i = next++; i < count; i = next++) {
        work(i);
        ++done;
      }
    } catch (...) {
      next = count;
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
    }
    const std::lock_guard lock(mutex);
    --running;
    ended.notify_all();
  }

  void wait(const PrepareProgress& progress) {
    std::unique_lock lock(mutex);
    while (!ended.wait_for(lock, kProgressEvery, [&] { return running == 0; })) {
      if (progress) progress(done, count);
    }
  }
};

/// [pixels, 3] -> [3, pixels].
DCGAN_MULTIVERSION
void to_planes(const std::uint8_t* __restrict pixels, std::int64_t count,
               std::uint8_t* __restrict red) {
  std::uint8_t* const green = red + count;
  std::uint8_t* const blue = green + count;
  for (std::int64_t i = 0; i < count; ++i) {
    red[i] = pixels[3 * i];
    green[i] = pixels[3 * i + 1];
    blue[i] = pixels[3 * i + 2];
  }
}

}  // namespace

void for_each_image(std::int64_t count, const std::function<void(std::int64_t)>& work,
                    const PrepareProgress& progress) {
  Workers workers{.count = count, .work = work};
  workers.running = static_cast<std::size_t>(std::min(usable_cores(), count));
  std::vector<std::jthread> threads;
  try {
    for (std::size_t i = workers.running; i > 0; --i) threads.emplace_back([&] { workers.run(); });
    workers.wait(progress);
  } catch (...) {
    workers.next = count;  // the threads stop after the image at hand
    throw;
  }
  threads.clear();
  if (workers.error) std::rethrow_exception(workers.error);
  if (progress) progress(count, count);
}

RowFormat row_format(const DataConfig& data) {
  return {data.image_size[0], data.image_size[1], data.channels,
          data.fit,           data.background,    data.levels};
}

std::uint32_t find_white(std::int64_t count, const std::function<Image(std::int64_t)>& read,
                         const PrepareProgress& progress) {
  std::atomic<std::uint32_t> white{0};
  const auto work = [&](std::int64_t i) {
    try {
      const std::uint32_t value = largest_value(read(i));
      std::uint32_t before = white;
      while (before < value && !white.compare_exchange_weak(before, value)) {
      }
    } catch (const Error&) {  // judged when the rows are made
    }
  };
  for_each_image(count, work, [&](std::int64_t done, std::int64_t total) {
    if (progress && done < total) progress(0, total);
  });
  return white == 0 ? kFullRange : white.load();
}

void write_row(const Image& image, const RowFormat& format, std::uint8_t* row) {
  const Image fitted = fit_image(image, {.height = format.height,
                                         .width = format.width,
                                         .channels = format.channels,
                                         .fit = format.fit,
                                         .background = format.background});
  if (format.channels == 1) {
    std::memcpy(row, fitted.pixels.data(), fitted.pixels.size());
    return;
  }
  to_planes(fitted.pixels.data(), format.height * format.width, row);
}

void SizeRange::add(std::int64_t height, std::int64_t width) {
  const std::int64_t pixels = height * width;
  if (smallest[0] == 0 || pixels < smallest[0] * smallest[1]) smallest = {height, width};
  if (pixels > largest[0] * largest[1]) largest = {height, width};
}

std::string SizeRange::text() const {
  const std::string most = fmt::format("{} x {}", largest[0], largest[1]);
  return smallest == largest ? most : fmt::format("{} x {} to {}", smallest[0], smallest[1], most);
}

std::string without_name(const std::string& problem, const std::filesystem::path& path) {
  const std::string name = path.string() + ": ";
  return problem.starts_with(name) ? problem.substr(name.size()) : problem;
}

std::string judge_bad_images(const std::string& folder, const std::vector<BadImage>& bad,
                             std::int64_t bad_count, std::int64_t total, double most) {
  if (bad_count == 0) return "";
  std::string list;
  for (const BadImage& one : bad)
    list += fmt::format("\n  {}: {}", printable_path(one.path), one.problem);
  const auto shown = static_cast<std::int64_t>(bad.size());
  if (bad_count > shown) list += fmt::format("\n  and {} more", format_count(bad_count - shown));
  const std::string counts =
      fmt::format("{}: {} of {} files", folder, format_count(bad_count), format_count(total));
  if (bad_count == total)
    throw failure(fmt::format("{} are no images that can be read:{}", counts, list));
  if (static_cast<double>(bad_count) > most * static_cast<double>(total)) {
    throw failure(fmt::format(
        "{} are no images that can be read, more than data.max_bad_fraction ({}) allows; mend or "
        "remove them, or raise it:{}",
        counts, format_real(most), list));
  }
  return fmt::format("{} are no images that can be read and are left out:{}", counts, list);
}

}  // namespace dcgan
