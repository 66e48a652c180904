#include "config/automatic.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "base/text.h"

namespace dcgan {
namespace {

std::int64_t choose_batch_size(std::int64_t images) {
  constexpr std::uint64_t kMost = 32;
  constexpr std::uint64_t kFewest = 2;  // for BatchNorm
  return static_cast<std::int64_t>(
      std::clamp(std::bit_floor(static_cast<std::uint64_t>(images)), kFewest, kMost));
}

std::int64_t choose_base_channels(const std::array<std::int64_t, 2>& size) {
  constexpr std::int64_t kLargestSide = 64;
  return std::max(size[0], size[1]) <= kLargestSide ? 32 : 16;
}

/// The fewer images, the sooner D memorises them, and the stronger a penalty they need.
double choose_r1_gamma(std::int64_t images) {
  constexpr double kImagesForOne = 2000;
  const double gamma = std::clamp(kImagesForOne / static_cast<double>(images), 0.05, 10.0);
  return std::round(gamma * 100) / 100;
}

std::int64_t choose_epochs(std::int64_t images, const std::array<std::int64_t, 2>& size) {
  constexpr double kPixels = 300000.0 * 64 * 64;  // in all
  const double of_epoch = static_cast<double>(images * size[0] * size[1]);
  constexpr std::int64_t kMost = 100000;  // that train.epochs takes
  return std::clamp<std::int64_t>(std::llround(kPixels / of_epoch), 1, kMost);
}

}  // namespace

bool has_automatic(const Config& config) {
  return config.model.base_channels == kAuto || config.train.batch_size == kAuto ||
         config.train.r1_gamma == kAuto || config.train.epochs == kAuto;
}

std::vector<std::string> choose_automatic(Config& config, std::int64_t images) {
  std::vector<std::string> lines;
  const auto replace = [&](const char* key, auto& value, auto chosen, const std::string& what_for) {
    if (value != kAuto) return;
    value = chosen;
    lines.push_back(fmt::format("{}: auto is {} for {}", key, value, what_for));
  };
  const auto& size = config.data.image_size;
  const std::string count = fmt::format("{} image{}", format_count(images), images == 1 ? "" : "s");
  const std::string pixels = fmt::format("{} x {} pixels", size[0], size[1]);
  TrainConfig& train = config.train;
  replace("train.batch_size", train.batch_size, choose_batch_size(images), count);
  replace("model.base_channels", config.model.base_channels, choose_base_channels(size), pixels);
  replace("train.r1_gamma", train.r1_gamma, choose_r1_gamma(images), count);
  replace("train.epochs", train.epochs, choose_epochs(images, size),
          fmt::format("{} of {}", count, pixels));
  return lines;
}

}  // namespace dcgan
