// A set of images of one size as uint8, whole in memory or mapped from a cache of decoded images.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "image/decode.h"
#include "sources/prepare.h"

namespace dcgan {

struct Dataset {
  torch::Tensor images;  ///< uint8 [N, C, H, W], contiguous, CPU; may be mapped, read only
  /// uint8 [N], CPU: classes 0, 1, 2, ... in the order of the set's own labels, those of its
  /// training images first; all 0 where the set has none.
  torch::Tensor labels;
  std::string name;         ///< "MNIST train, /path/data/mnist"
  std::string fingerprint;  ///< CRC-32 of images, then its own labels; 8 hex digits
  std::string set;          ///< a known set by its labels: "mnist", "fashion-mnist"; else ""
  SizeRange originals;      ///< of the decoded images, before they were fitted
  std::uint32_t white = kFullRange;  ///< the value in its files, of 65535, that is 255 in images
  /// Names of the classes, or the set's own labels where these are other numbers; or none.
  std::vector<std::string> classes;
  std::string warning;  ///< files that are damaged and were left out; several lines
  /// Where below data.path the set lies; files that are no images by their names.
  std::string note;

  std::string cache;  ///< the file that images are mapped from; "" where they are in memory

  std::int64_t size() const { return images.size(0); }
};

/// Reads the split that `data` names, from data.path or below it (find_set()), and gives each image
/// the shape of `data.image_size` ({0, 0}: the first image's own size) by `data.fit`, with
/// `data.channels`; keeps the first `data.limit`. What each format is: ImageSource, and for a
/// folder list_images() and the cache of image_cache.h. A set that stays in memory must fit there;
/// a cached one needs not. `progress` is told of images that are decoded. Throws `failure` for
/// whatever is wrong, naming the file.
Dataset load_dataset(const DataConfig& data, const PrepareProgress& progress = {});

/// `data` in the folder `path`, whose format is guessed. Of another set than data's own some is
/// held out in any case: nobody trained on it.
DataConfig in_folder(DataConfig data, const std::string& path);

/// Whether a set keeps images back from training, so that other_split() is not empty.
bool has_other_split(const DataConfig& data);

/// The images that are not trained on: the other split of the same set, whole.
DataConfig other_split(DataConfig data);

}  // namespace dcgan
