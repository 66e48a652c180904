#include "data/dataset.h"

#include <ATen/ATen.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "support/expect_error.h"
#include "support/fashion_mnist.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

const std::string kRemedy = "point data.path or --data at the folder with the data";

auto Refused(const std::string& where, const std::string& problem,
             const std::string& remedy = kRemedy) {
  return IsError(ErrorKind::failure, where, HasSubstr(problem), HasSubstr(remedy));
}

DataConfig mnist(DataSplit split) {
  DataConfig data;
  data.path = std::string(DCGAN_SOURCE_DIR) + "/data/mnist";
  data.split = split;
  return data;
}

std::uint64_t crc(const torch::Tensor& tensor) {
  return crc32_z(0, tensor.data_ptr<std::uint8_t>(), static_cast<std::size_t>(tensor.numel()));
}

std::vector<int> first_five(const torch::Tensor& tensor) {
  const auto* bytes = tensor.data_ptr<std::uint8_t>();
  return {bytes, bytes + 5};
}

/// A folder with a set of our own.
class OwnSet : public ::testing::Test {
 protected:
  void put(const std::string& name, const std::vector<int>& sizes, const std::string& bytes) {
    std::ofstream file(folder_ / name, std::ios::binary);
    file << std::string(2, '\0') << '\x08' << static_cast<char>(sizes.size());
    for (const int size : sizes) {
      file << '\0' << '\0' << static_cast<char>(size >> 8) << static_cast<char>(size & 255);
    }
    file << bytes;
  }
  /// The same of nothing but x.
  void put(const std::string& name, const std::vector<int>& sizes) {
    std::size_t count = 1;
    for (const int size : sizes) count *= static_cast<std::size_t>(size);
    put(name, sizes, std::string(count, 'x'));
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  DataConfig config(std::int64_t height, std::int64_t width) const {
    DataConfig data;
    data.path = folder_.path().string();
    data.image_size = {height, width};
    data.fit = ImageFit::stretch;
    return data;
  }
  Error error(std::int64_t height = 8, std::int64_t width = 8) const {
    return caught([&] { load_dataset(config(height, width)); });
  }
  /// One 4 x 4 image, a ramp with two outliers, and its label.
  void put_ramp() {
    std::string pixels;
    for (int i = 0; i < 16; ++i) pixels += static_cast<char>(17 * i);
    pixels[6] = '\xff';
    pixels[9] = '\x03';
    put("train-images-idx3-ubyte", {1, 4, 4}, pixels);
    put("train-labels-idx1-ubyte", {1}, "\x07");
  }
  std::vector<int> loaded_pixels(std::int64_t height, std::int64_t width) const {
    const torch::Tensor images = load_dataset(config(height, width)).images;
    const auto* bytes = images.data_ptr<std::uint8_t>();
    return {bytes, bytes + images.numel()};
  }

  TempFolder folder_;
};

// The CRC-32s were computed by Python's zlib over the content behind each header, and the SHA-256
// of all four decompressed files compared with the published ones (ba891046..., 65a50cbb...,
// 0fa7898d..., ff7bcfd4...: the table in data/README.md).
TEST(Mnist, TrainingSetIsThePublishedOne) {
  const Dataset set = load_dataset(mnist(DataSplit::train));
  EXPECT_EQ(set.size(), 60000);
  EXPECT_EQ(set.images.sizes(), (std::vector<std::int64_t>{60000, 1, 28, 28}));
  EXPECT_EQ(set.labels.sizes(), (std::vector<std::int64_t>{60000}));
  EXPECT_EQ(crc(set.images), 0xf3639b56U);
  EXPECT_EQ(crc(set.labels), 0xba07e8efU);
  EXPECT_EQ(first_five(set.labels), (std::vector<int>{5, 0, 4, 1, 9}));
  EXPECT_EQ(set.fingerprint, "df6dde61");
  EXPECT_EQ(set.name, "MNIST train, " DCGAN_SOURCE_DIR "/data/mnist");
}

TEST(Mnist, TestSetIsThePublishedOne) {
  const Dataset set = load_dataset(mnist(DataSplit::test));
  EXPECT_EQ(set.size(), 10000);
  EXPECT_EQ(set.images.sizes(), (std::vector<std::int64_t>{10000, 1, 28, 28}));
  EXPECT_EQ(crc(set.images), 0xe4ca5f57U);
  EXPECT_EQ(crc(set.labels), 0xee8604d9U);
  EXPECT_EQ(first_five(set.labels), (std::vector<int>{7, 2, 1, 0, 4}));
  EXPECT_EQ(set.fingerprint, "190e897b");
  EXPECT_EQ(set.name, "MNIST test, " DCGAN_SOURCE_DIR "/data/mnist");
}

TEST(Mnist, IsKnownByItsLabels) {
  for (const DataSplit split : {DataSplit::train, DataSplit::test}) {
    DataConfig data = mnist(split);
    data.limit = 5;  // the whole file is looked at
    EXPECT_EQ(load_dataset(data).set, "mnist");
  }
}

TEST(FashionMnist, IsKnownByItsLabels) {
  const std::string folder = testing::fashion_mnist_folder();
  if (folder.empty()) GTEST_SKIP() << "no Fashion-MNIST: set DCGAN_FASHION_MNIST";
  for (const DataSplit split : {DataSplit::train, DataSplit::test}) {
    DataConfig data = mnist(split);
    data.path = folder;
    const Dataset set = load_dataset(data);
    EXPECT_EQ(set.set, "fashion-mnist");
    EXPECT_EQ(set.name.substr(0, 14), "Fashion-MNIST ");
  }
}

TEST(Mnist, LimitKeepsTheFirstImages) {
  const Dataset all = load_dataset(mnist(DataSplit::test));
  DataConfig data = mnist(DataSplit::test);
  data.limit = 12;
  const Dataset few = load_dataset(data);
  EXPECT_TRUE(at::equal(few.images, all.images.narrow(0, 0, 12)));
  EXPECT_TRUE(at::equal(few.labels, all.labels.narrow(0, 0, 12)));
  EXPECT_NE(few.fingerprint, all.fingerprint);
  data.limit = 1000000;
  EXPECT_EQ(load_dataset(data).fingerprint, all.fingerprint);
}

TEST(Mnist, ThreeChannelsRepeatTheGrey) {
  DataConfig data = mnist(DataSplit::test);
  data.limit = 3;
  const Dataset grey = load_dataset(data);
  data.channels = 3;
  const Dataset colour = load_dataset(data);
  EXPECT_EQ(colour.images.sizes(), (std::vector<std::int64_t>{3, 3, 28, 28}));
  EXPECT_TRUE(colour.images.is_contiguous());
  for (std::int64_t channel = 0; channel < 3; ++channel) {
    EXPECT_TRUE(at::equal(colour.images.narrow(1, channel, 1), grey.images));
  }
}

TEST(Mnist, ResizesEveryChunkAlike) {
  DataConfig data = mnist(DataSplit::test);
  data.limit = 3000;
  data.image_size = {33, 20};
  data.fit = ImageFit::stretch;
  const Dataset set = load_dataset(data);
  EXPECT_EQ(set.images.sizes(), (std::vector<std::int64_t>{3000, 1, 33, 20}));
  data.image_size = {28, 28};
  const torch::Tensor last = load_dataset(data).images.narrow(0, 2999, 1).to(at::kFloat);
  const torch::Tensor expected = at::_upsample_bilinear2d_aa(last, {33, 20}, false).round();
  const torch::Tensor distance = set.images.narrow(0, 2999, 1).to(at::kFloat).sub(expected).abs();
  EXPECT_LE(distance.max().item<float>(), 1.0F) << "halves may be rounded either way";
  EXPECT_LE(distance.sum().item<float>(), 5.0F);
}

TEST_F(OwnSet, KeepsImagesOfTheRightSize) {
  put_ramp();
  EXPECT_EQ(loaded_pixels(4, 4), (std::vector<int>{0, 17, 34, 51, 68, 85, 255, 119, 136, 3, 170,
                                                   187, 204, 221, 238, 255}));
}

TEST_F(OwnSet, KeepsItsOwnSizeWhereNoneIsAsked) {
  put("train-images-idx3-ubyte", {2, 9, 11}, std::string(198, 'x'));
  put("train-labels-idx1-ubyte", {2}, "\x01\x02");
  EXPECT_EQ(load_dataset(config(0, 0)).images.sizes(), (std::vector<std::int64_t>{2, 1, 9, 11}));
}

// PyTorch 2.11: torch.nn.functional.interpolate(x, size, mode="bilinear", antialias=True).round()
TEST_F(OwnSet, ResizesAsPyTorchDoes) {
  put_ramp();
  EXPECT_EQ(loaded_pixels(2, 2), (std::vector<int>{61, 112, 143, 194}));
  EXPECT_EQ(loaded_pixels(3, 5), (std::vector<int>{20, 32, 69, 92, 71,      //
                                                   102, 61, 128, 195, 153,  //
                                                   184, 164, 187, 223, 235}));
  EXPECT_EQ(loaded_pixels(6, 7), (std::vector<int>{0,   6,   16,  26,  35,  45,  51,   //
                                                   34,  40,  50,  98,  140, 106, 85,   //
                                                   79,  76,  72,  156, 233, 170, 130,  //
                                                   125, 86,  24,  100, 184, 179, 176,  //
                                                   170, 149, 116, 158, 205, 215, 221,  //
                                                   204, 210, 220, 230, 239, 249, 255}));
}

// Half the size: a pixel is the mean of four in each direction, weighted 1 3 3 1. A single 255 in
// column 5 of 28 lies in the windows of output columns 2 (weight 3/8) and 3 (weight 1/8); the row
// likewise.
TEST_F(OwnSet, HalvingIsTheTriangleFilter) {
  std::string pixels(28 * 28, '\0');
  pixels[4 * 28 + 5] = '\xff';
  put("train-images-idx3-ubyte", {1, 28, 28}, pixels);
  put("train-labels-idx1-ubyte", {1}, "\x01");
  std::vector<int> expected(14 * 14, 0);
  expected[1 * 14 + 2] = 12;  // 255 * 1/8 * 3/8 = 11.95
  expected[1 * 14 + 3] = 4;   // 255 * 1/8 * 1/8 = 3.98
  expected[2 * 14 + 2] = 36;  // 255 * 3/8 * 3/8 = 35.86
  expected[2 * 14 + 3] = 12;
  EXPECT_EQ(loaded_pixels(14, 14), expected);
}

TEST_F(OwnSet, AConstantImageStaysConstant) {
  for (const int value : {0, 1, 127, 128, 254, 255}) {
    put("train-images-idx3-ubyte", {1, 9, 11}, std::string(99, static_cast<char>(value)));
    put("train-labels-idx1-ubyte", {1}, "\x01");
    for (const std::int64_t size : {8, 9, 13, 64}) {
      EXPECT_EQ(loaded_pixels(size, size + 1),
                std::vector<int>(static_cast<std::size_t>(size * (size + 1)), value));
    }
  }
}

TEST_F(OwnSet, FindsEverySpellingOfTheNames) {
  for (const char* images : {"t10k-images-idx3-ubyte", "t10k-images-idx3-ubyte.gz",
                             "t10k-images.idx3-ubyte", "t10k-images.idx3-ubyte.gz"}) {
    for (const char* labels : {"t10k-labels-idx1-ubyte", "t10k-labels-idx1-ubyte.gz",
                               "t10k-labels.idx1-ubyte", "t10k-labels.idx1-ubyte.gz"}) {
      put(images, {2, 8, 8});
      put(labels, {2}, "\x01\x02");
      DataConfig data = config(8, 8);
      data.split = DataSplit::test;
      EXPECT_NO_THROW(load_dataset(data)) << images << " " << labels;
      std::filesystem::remove(folder_ / images);
      std::filesystem::remove(folder_ / labels);
    }
  }
}

// EMNIST's files hold columns as rows.
TEST_F(OwnSet, TurnsEmnistUpright) {
  std::string pixels;
  for (int i = 0; i < 64; ++i) pixels += static_cast<char>(i);
  put("emnist-letters-train-images-idx3-ubyte", {1, 8, 8}, pixels);
  put("emnist-letters-train-labels-idx1-ubyte", {1}, "\x01");
  const Dataset set = load_dataset(config(8, 8));
  EXPECT_EQ(set.images[0][0][0][1].item<int>(), 8);
  EXPECT_EQ(set.images[0][0][7][0].item<int>(), 7);
  EXPECT_EQ(set.name, "emnist-letters-train, " + folder_.path().string());
}

TEST_F(OwnSet, NumbersLabelsWithGapsFromZeroInBothSplits) {
  const std::string pixels(64 * 4, 'x');
  put("train-images-idx3-ubyte", {4, 8, 8}, pixels);
  put("train-labels-idx1-ubyte", {4}, "\x05\x01\x1a\x05");
  put("t10k-images-idx3-ubyte", {4, 8, 8}, pixels);
  put("t10k-labels-idx1-ubyte", {4}, "\x1a\x1a\x02\x05");  // without 1, with a 2
  DataConfig data = config(8, 8);
  const auto labels = [&] {
    const torch::Tensor tensor = load_dataset(data).labels;
    const auto* bytes = tensor.data_ptr<std::uint8_t>();
    return std::vector<int>{bytes, bytes + tensor.numel()};
  };
  EXPECT_EQ(labels(), (std::vector<int>{1, 0, 2, 1}));
  EXPECT_EQ(load_dataset(data).classes, (std::vector<std::string>{"1", "5", "26"}));
  data.limit = 1;
  EXPECT_EQ(labels(), (std::vector<int>{1})) << "whatever is left of the set";
  data.limit = 0;
  data.split = DataSplit::test;
  EXPECT_EQ(labels(), (std::vector<int>{2, 2, 3, 1}));
  EXPECT_EQ(load_dataset(data).classes, (std::vector<std::string>{"1", "5", "26", "2"}));
}

// So that a run from before labels were numbered can be resumed.
TEST_F(OwnSet, HasTheFingerprintOfTheLabelsInTheFile) {
  put("train-images-idx3-ubyte", {1, 8, 8});
  put("train-labels-idx1-ubyte", {1}, "\x05");
  const std::string content = std::string(64, 'x') + "\x05";
  char expected[9];
  std::snprintf(expected, sizeof expected, "%08lx",
                crc32_z(0, reinterpret_cast<const Bytef*>(content.data()), content.size()));
  EXPECT_EQ(load_dataset(config(8, 8)).fingerprint, expected);
}

TEST_F(OwnSet, MakesItsLargestTrainingValueWhiteInBothSplits) {
  put("train-images-idx3-ubyte", {1, 8, 8}, std::string(63, '\x02') + '\x04');
  put("train-labels-idx1-ubyte", {1}, std::string(1, '\0'));
  put("t10k-images-idx3-ubyte", {1, 8, 8}, std::string(63, '\x01') + '\x08');
  put("t10k-labels-idx1-ubyte", {1}, std::string(1, '\0'));
  DataConfig data = config(8, 8);
  data.levels = Levels::automatic;
  const Dataset train = load_dataset(data);
  EXPECT_EQ(train.white, 4U * 257);
  EXPECT_EQ(train.images.min().item<int>(), 128);
  EXPECT_EQ(train.images.max().item<int>(), 255);
  const Dataset test = load_dataset(other_split(data));
  EXPECT_EQ(test.images.min().item<int>(), 64);
  EXPECT_EQ(test.images.max().item<int>(), 255);
}

TEST_F(OwnSet, RefusesToChooseBetweenSetsOfEmnist) {
  put("emnist-letters-train-images-idx3-ubyte", {1, 8, 8});
  put("emnist-digits-train-images-idx3-ubyte", {1, 8, 8});
  EXPECT_THAT(error(),
              Refused(folder_.path().string(), "(emnist-digits-train, emnist-letters-train)",
                      "put one into a folder of its own"));
}

TEST_F(OwnSet, SaysHowLargeItsImagesAre) {
  put_ramp();
  EXPECT_EQ(load_dataset(config(9, 9)).originals.largest, (std::array<std::int64_t, 2>{4, 4}));
}

TEST_F(OwnSet, IsNoKnownSet) {
  put_ramp();
  EXPECT_EQ(load_dataset(config(4, 4)).set, "");
}

TEST_F(OwnSet, TellsSetsApart) {
  put("train-images-idx3-ubyte", {1, 8, 8});
  put("train-labels-idx1-ubyte", {1}, "\x01");
  const std::string before = load_dataset(config(8, 8)).fingerprint;
  put("train-labels-idx1-ubyte", {1}, "\x02");
  EXPECT_NE(load_dataset(config(8, 8)).fingerprint, before);
}

TEST_F(OwnSet, NamesAFolderThatIsNone) {
  put("file", {1}, "x");
  for (const auto& [name, problem] :
       {std::pair{"nowhere", "no such folder"}, {"file", "is not a folder"}}) {
    DataConfig data;
    data.path = path(name);
    EXPECT_THAT(caught([&] { load_dataset(data); }), Refused(data.path, problem));
  }
}

TEST_F(OwnSet, NamesTheFilesItLookedFor) {
  for (const std::string name : {"train-images", "train-labels"}) {
    const std::string kind = name == "train-images" ? "idx3-ubyte" : "idx1-ubyte";
    const Error missing = error();
    EXPECT_THAT(missing, Refused(folder_.path().string(), "no " + name + " file"));
    for (const char* const between : {"-", "."}) {
      const std::string spelling = name + between + kind;
      EXPECT_THAT(missing.problem(), HasSubstr(spelling + ", " + spelling + ".gz"));
    }
    put("train-images-idx3-ubyte", {1, 8, 8});
  }
}

TEST_F(OwnSet, RejectsOtherNumbersOfDimensions) {
  struct Case {
    std::vector<int> images, labels;
    std::string file, problem;
  };
  for (const Case& c : std::vector<Case>{
           {{3}, {3}, "train-images-idx3-ubyte", "has 1 dimensions, but images have 3"},
           {{2, 2}, {2}, "train-images-idx3-ubyte", "has 2 dimensions, but images have 3"},
           {{1, 8, 8}, {1, 8, 8}, "train-labels-idx1-ubyte", "has 3 dimensions, but labels have 1"},
           {{1, 2, 2}, {1, 2}, "train-labels-idx1-ubyte", "has 2 dimensions, but labels have 1"}}) {
    put("train-images-idx3-ubyte", c.images);
    put("train-labels-idx1-ubyte", c.labels);
    EXPECT_THAT(error(),
                Refused(path(c.file), c.problem,
                        "exchange images and labels if they were mixed up, or " + kRemedy));
  }
}

TEST_F(OwnSet, RejectsCountsThatDoNotMatch) {
  put("train-images-idx3-ubyte", {1, 8, 8});
  put("train-labels-idx1-ubyte", {2});
  EXPECT_THAT(error(), Refused(path("train-images-idx3-ubyte"),
                               "1 images, but " + path("train-labels-idx1-ubyte") + " holds 2"));
}

TEST_F(OwnSet, RejectsASetWithoutImages) {
  for (const std::vector<int>& sizes : {std::vector<int>{0, 8, 8}, std::vector<int>{1, 0, 8}}) {
    put("train-images-idx3-ubyte", sizes);
    put("train-labels-idx1-ubyte", {sizes[0]});
    EXPECT_THAT(error(), Refused(path("train-images-idx3-ubyte"), "holds no images"));
  }
}

TEST_F(OwnSet, RejectsASizeBeyondTheMachinesMemory) {
  put_ramp();
  EXPECT_THAT(error(1 << 24, 1 << 24),
              Refused("", "1 images of 16777216 x 16777216 x 1 need more memory than there is (",
                      "lower data.image_size, or train on fewer images with data.limit"));
}

TEST_F(OwnSet, PassesOnWhatIsWrongWithAFile) {
  put("train-images-idx3-ubyte", {1, 8, 8}, "too little");
  put("train-labels-idx1-ubyte", {1}, "\x01");
  EXPECT_THAT(error(), IsError(ErrorKind::damaged, path("train-images-idx3-ubyte"),
                               HasSubstr("promises 64 bytes of data, but 10 are there"),
                               HasSubstr("get the file again")));
}

}  // namespace
}  // namespace dcgan
