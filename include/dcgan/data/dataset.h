// A labelled set of images of one size, whole in memory as uint8.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "dcgan/config/config.h"

namespace dcgan {

struct Dataset {
  torch::Tensor images;     ///< uint8 [N, C, H, W], contiguous, CPU
  torch::Tensor labels;     ///< uint8 [N], CPU
  std::string name;         ///< "MNIST train, /path/data/mnist"
  std::string fingerprint;  ///< CRC-32 of images then labels, 8 hex digits: tells sets apart
  std::string set;          ///< a known set by its labels: "mnist", "fashion-mnist"; else ""

  std::int64_t size() const { return images.size(0); }
};

/// Reads the set that `data` names, resizes it (antialiased bilinear) to `data.image_size` ({0, 0}:
/// keeps its own size), repeats the grey channel for `data.channels` = 3 and keeps the first
/// `data.limit` images. For MNIST `data.path` is a folder with train-images-idx3-ubyte and
/// train-labels-idx1-ubyte (or t10k-*), each plain or .gz; also the spelling with a dot,
/// train-images.idx3-ubyte. Throws `failure` for whatever is wrong, naming the file.
Dataset load_dataset(const DataConfig& data);

/// The images that are not trained on: the other split of the same set, whole.
DataConfig other_split(DataConfig data);

}  // namespace dcgan
