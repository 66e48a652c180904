#include "sources/prepare.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <future>

#include "base/system_limits.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
void for_each_image(std::int64_t count, const std::function<void(std::int64_t)>& work,
                    const PrepareProgress& progress) {
  std::atomic<std::int64_t> next{0};
  std::atomic<std::int64_t> done{0};
  const auto run = [&] {
    try {
      for (std::int64_t i = next++; i < count; i = next++) {
        work(i);
        ++done;
      }
    } catch (...) {
      next = count;  // the others stop after the image at hand
      throw;
    }
  };
  std::vector<std::future<void>> threads;
  try {
    for (std::int64_t i = std::min(usable_cores(), count); i > 0; --i) {
      threads.push_back(std::async(std::launch::async, run));
    }
    for (const std::future<void>& thread : threads) {
      while (thread.wait_for(std::chrono::milliseconds(100)) == std::future_status::timeout) {
        if (progress) progress(done, count);
      }
    }
  } catch (...) {
    next = count;
    throw;
  }
  for (std::future<void>& thread : threads) thread.get();
  if (progress) progress(count, count);
}

RowFormat row_format(const DataConfig& data) {
  return {{data.image_size[0], data.image_size[1], data.channels, data.fit, data.background},
          data.levels};
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
  const Image fitted = fit_image(image, format);
  const std::uint8_t* pixel = fitted.pixels.data();
  const std::int64_t count = format.height * format.width;
  for (std::int64_t i = 0; i < count; ++i) {
    for (std::int64_t c = 0; c < format.channels; ++c) row[c * count + i] = *pixel++;
  }
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

std::string judge_bad_images(const std::string& folder, const std::vector<BadImage>& bad,
                             std::int64_t total, double max_fraction) {
  constexpr std::size_t kMaxNamed = 10;
  const auto bad_count = static_cast<std::int64_t>(bad.size());
  if (bad_count == 0) return "";
  std::string problem = fmt::format("{} of {} files are no images that can be read",
                                    format_count(bad_count), format_count(total));
  const bool too_many = static_cast<double>(bad_count) > max_fraction * static_cast<double>(total);
  std::string remedy;
  if (bad_count < total && too_many) {
    problem +=
        fmt::format(", more than data.max_bad_fraction ({}) allows", format_real(max_fraction));
    remedy = "mend or remove them, or raise it";
  } else if (bad_count < total) {
    problem += " and are left out";
  }
  Error error = failure(problem).in(folder).remedy(remedy);
  for (std::size_t i = 0; i < std::min(bad.size(), kMaxNamed); ++i) {
    error.also(failure(bad[i].problem).in(std::filesystem::path(folder) / bad[i].path));
  }
  if (bad.size() > kMaxNamed) {
    error.also(
        failure(fmt::format("and {} more", format_count(bad_count - std::int64_t{kMaxNamed}))));
  }
  if (bad_count == total || too_many) throw error;
  return error.what();
}

}  // namespace dcgan
