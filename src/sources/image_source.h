// Images that are read one by one, whatever stores them.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "dcgan/error.h"
#include "dcgan/image.h"

namespace dcgan {

struct ImageSource {
  std::int64_t size = 0;
  /// Image 0 .. size-1, of any size and channels. May be called from several threads at a time.
  /// Throws `failure` that names the file.
  std::function<Image(std::int64_t)> read;
  std::vector<std::uint8_t> labels;  ///< [size]; empty where the images have none
  /// Of the set's training split, where this is the other one and that is there.
  std::vector<std::uint8_t> training_labels;
  std::string name;                  ///< "CIFAR-10 train, /path/data/cifar10"
  std::string set;                   ///< as in Dataset
  std::vector<std::string> classes;  ///< names of the labels from 0 on; or none
};

/// MNIST and its kin (`data.format: mnist`): a folder with train-images-idx3-ubyte and
/// train-labels-idx1-ubyte (or t10k-*), each plain or .gz; also the spelling with a dot,
/// train-images.idx3-ubyte, and EMNIST's, emnist-letters-train-images-idx3-ubyte, whose images lie
/// on their side in the file and are turned. Throws `failure` naming the file.
ImageSource open_mnist(const DataConfig& data);

/// CIFAR-10 or CIFAR-100 in their binary form (Krizhevsky, "Learning Multiple Layers of Features
/// from Tiny Images", 2009): a folder with data_batch_1.bin to data_batch_5.bin and test_batch.bin,
/// or with train.bin and test.bin. A record is one label (CIFAR-100: two, of which the second, the
/// fine one, is taken) and 3072 bytes, a plane of 32 x 32 for red, green and blue each. The classes
/// have their names where the list of them lies beside the images (batches.meta.txt,
/// fine_label_names.txt). Throws `failure` naming the file.
ImageSource open_cifar(const DataConfig& data);

/// A .npy file: uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3]. Has no labels. Throws `failure`
/// naming the file.
ImageSource open_npy(const DataConfig& data);

/// The images of `whole`, a set without labels, that belong to `split`: `held_out` of them, spread
/// evenly, are the test split.
ImageSource take_split(ImageSource whole, DataSplit split, double held_out);

/// Whether image `index` of a set without splits of its own is kept back for testing: of any run of
/// images the share `held_out`, to one.
bool is_held_out(std::int64_t index, double held_out);

/// Those of images 0 .. count-1 that belong to `split`, in order.
std::vector<std::int64_t> indices_of(DataSplit split, std::int64_t count, double held_out);

/// Where a set is not found.
inline constexpr const char* kDataRemedy =
    "point data.path or --data at the folder with the data ('dcgan data fetch' brings known sets, "
    "scripts/avatars.py the avatars)";

// Which format a set on disk has and where it lies, by the names there ----------------------------

/// What lies at `path` or up to two folders below it: for commands that get a folder without a
/// configuration. mnist where nothing else fits, whose reader then says what it misses. Throws
/// `failure` that lists them where several sets lie there.
DataFormat guess_format(const std::string& path);

/// Where a set of data.format lies: `data.path`, or the folder up to two below it that has its
/// files, as torchvision's root/MNIST/raw. Of pictures in train/ and test/ (or val/, ...) it is
/// train/. `data.path` where there is none. Throws `failure` that lists them where there are
/// several.
std::string find_set(const DataConfig& data);

/// Beside a reader's error: that data.path holds a set of another format than the one asked for, or
/// a file that dcgan does not read, such as Parquet, and what to do.
std::optional<Error> format_hint(const DataConfig& data);

}  // namespace dcgan
