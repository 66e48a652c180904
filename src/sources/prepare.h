// Pictures of any size to rows of bytes of one size, on every core.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "dcgan/image.h"
#include "image/decode.h"
#include "image/fit.h"

namespace dcgan {

/// Told some times a second how many of how many images are done; 0 of 0 while another program that
/// prepares the same images is waited for.
using PrepareProgress = std::function<void(std::int64_t done, std::int64_t total)>;

/// Calls `work(i)` for i in 0 .. count-1, on as many threads as the process may use, and `progress`
/// (if it is one) on the caller's. Rethrows the first thing that `work` throws, when all threads
/// have ended.
void for_each_image(std::int64_t count, const std::function<void(std::int64_t)>& work,
                    const PrepareProgress& progress);

/// What every row is made by: data.image_size, data.channels, data.fit, data.background,
/// data.levels.
struct RowFormat : FitOptions {
  Levels levels = Levels::full;
  std::uint32_t white = kFullRange;  ///< under Levels::automatic the set's, once it is known

  std::int64_t bytes() const { return height * width * channels; }
};
RowFormat row_format(const DataConfig& data);

/// The largest colour value, of 65535, of what `read` gives for 0 .. count-1; kFullRange where all
/// is black. What throws an Error does not count. `progress` is asked whether to stop, not told how
/// far it is.
std::uint32_t find_white(std::int64_t count, const std::function<Image(std::int64_t)>& read,
                         const PrepareProgress& progress);

/// Fits `image` and writes it to `row`, uint8 [channels, height, width].
void write_row(const Image& image, const RowFormat& format, std::uint8_t* row);

/// The images with the fewest and the most pixels: {H, W} each.
struct SizeRange {
  Extent smallest{0, 0};
  Extent largest{0, 0};

  void add(std::int64_t height, std::int64_t width);
  std::string text() const;  ///< "32 x 32", or "16 x 20 to 600 x 800"
};

/// A file that is left out.
struct BadImage {
  std::string path;
  std::string problem;
};

/// "3 of 1,000 files are no images ... and are left out\nfolder/a.png: is empty\n ..." with the
/// first ten by name; throws the same as a `failure` where they are more than `max_fraction` of all
/// or nothing is left. "" where all are well.
std::string judge_bad_images(const std::string& folder, const std::vector<BadImage>& bad,
                             std::int64_t total, double max_fraction);

}  // namespace dcgan
