#include "data/image_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "dcgan/image.h"
#include "runtime/torch.h"
#include "sources/arrays.h"
#include "support/expect_error.h"
#include "support/pictures.h"
#include "support/temp_folder.h"

namespace dcgan {
namespace {

using testing::caught;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsError;
using testing::TempFolder;

class ImageFiles : public ::testing::Test {
 protected:
  /// An image of one value.
  void put(const std::string& name, std::uint8_t value, std::int64_t height = 2,
           std::int64_t channels = 1) {
    const auto path = folder_ / name;
    make_folder(path.parent_path());
    const auto size = static_cast<std::size_t>(height * 3 * channels);
    write_png(path, {height, 3, channels, std::vector<std::uint8_t>(size, value)});
  }
  torch::Tensor load(std::int64_t most = 100) const {
    return load_images(folder_.path(), most).images;
  }
  std::vector<std::string> warnings() const { return load_images(folder_.path(), 100).warnings; }
  static std::vector<int> values(const torch::Tensor& images) {
    std::vector<int> values;
    for (std::int64_t i = 0; i < images.size(0); ++i) {
      values.push_back(images[i].flatten()[0].item<int>());
    }
    return values;
  }
  Error error(const std::string& name = "") const {
    return caught([&] { load_images(folder_ / name, 100); });
  }
  auto Refused(const std::string& name, const std::string& problem,
               const std::string& remedy = "") const {
    return IsError(ErrorKind::failure, folder_ / name, HasSubstr(problem), HasSubstr(remedy));
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  TempFolder folder_;
};

TEST_F(ImageFiles, AreReadInTheOrderOfTheirPaths) {
  put("b/1.png", 3);
  put("a/2.PNG", 2);
  put("a/1.png", 1);
  put("c.png", 4);
  write_file_atomically(folder_ / "notes.txt", "not an image");
  const torch::Tensor images = load();
  EXPECT_EQ(images.sizes().vec(), (std::vector<std::int64_t>{4, 1, 2, 3}));
  EXPECT_EQ(values(images), (std::vector<int>{1, 2, 3, 4}));
}

TEST_F(ImageFiles, AreTakenEvenlySpaced) {
  for (int i = 0; i < 6; ++i) put(std::to_string(i) + ".png", static_cast<std::uint8_t>(i));
  EXPECT_EQ(values(load(3)), (std::vector<int>{0, 2, 4}));
}

TEST_F(ImageFiles, ShowTheBackgroundWhereTheyAreTransparent) {
  // RGBA by Python's zlib: 10, 20, 30, 128 and 40, 50, 60, 0.
  constexpr char kBytes[] =
      "\211\120\116\107\015\012\032\012\000\000\000\015\111\110\104\122\000\000\000\002"
      "\000\000\000\001\010\006\000\000\000\364\042\177\212\000\000\000\021\111\104\101"
      "\124\170\234\143\340\022\221\153\320\060\262\141\000\000\005\307\001\123\142\244"
      "\104\273\000\000\000\000\111\105\116\104\256\102\140\202";
  write_file_atomically(folder_ / "a.png", {kBytes, sizeof kBytes - 1});
  const auto pixels = [this](const Color& background) {
    const torch::Tensor images = load_images(folder_.path(), 1, background).images;
    const torch::Tensor rows = images.permute({0, 2, 3, 1}).flatten().to(torch::kInt);
    return std::vector<int>(rows.data_ptr<int>(), rows.data_ptr<int>() + rows.numel());
  };
  EXPECT_EQ(pixels({1, 2, 3}), (std::vector<int>{6, 11, 17, 1, 2, 3}));
  EXPECT_EQ(pixels(DataConfig().background), (std::vector<int>{132, 137, 142, 255, 255, 255}));
}

TEST_F(ImageFiles, CountGreyAsRgbBesideRgb) {
  put("a.png", 7);
  put("b.png", 9, 2, 3);
  EXPECT_EQ(load().sizes().vec(), (std::vector<std::int64_t>{2, 3, 2, 3}));
}

TEST_F(ImageFiles, OfTwoSizesAreRefused) {
  put("a.png", 1);
  put("b.png", 1, 5);
  EXPECT_THAT(error(), Refused("b.png", "5 x 3 pixels, but " + path("a.png") + " is 2 x 3"));
}

TEST_F(ImageFiles, WhatIsHiddenIsNone) {
  put("a.png", 1);
  put(".b.png", 2);
  put(".cache/c.png", 3);
  EXPECT_EQ(values(load()), std::vector<int>{1});
}

TEST_F(ImageFiles, AFolderWithoutImagesIsRefused) {
  EXPECT_THAT(error(), Refused("", "no PNG, JPEG, BMP or WebP file", "data.path or --images"));
}

/// What training reads.
TEST_F(ImageFiles, AreOfEveryFormat) {
  for (const char* name : {"lossless.webp", "lossy.webp", "rgb.jpg", "rgb_420.jpg"}) {
    std::filesystem::copy(testing::kPictures / name, folder_ / name);
  }
  write_png(folder_ / "grey.png", {24, 40, 1, std::vector<std::uint8_t>(24 * 40, 7)});
  EXPECT_EQ(load().sizes().vec(), (std::vector<std::int64_t>{5, 3, 24, 40}));
  EXPECT_THAT(warnings(),
              ElementsAre(folder_.path().string() +
                          ": 2 of 5 images are JPEGs: what these lose moves the numbers; save "
                          "samples as PNG"));
  std::filesystem::copy(testing::kPictures / "rgb24.bmp", folder_ / "small.bmp");
  EXPECT_THAT(error(), Refused("small.bmp", "9 x 13 pixels"));
}

TEST_F(ImageFiles, WhatIsLeftOutIsSaid) {
  put("a.png", 1);
  put("c.png", 3);
  write_file_atomically(folder_ / "b.png", "nonsense");
  write_file_atomically(folder_ / "d.tif", "x");
  EXPECT_EQ(values(load()), (std::vector<int>{1, 3}));
  EXPECT_THAT(warnings(),
              ElementsAre(folder_.path().string() +
                              ": 1 of 3 files are no images that can be read and are left out\n" +
                              path("b.png") + ": is not an image (PNG, JPEG, BMP or WebP)",
                          folder_.path().string() + ": other files are left out: 1 of .tif"));
}

TEST_F(ImageFiles, DamagedOnesAloneAreRefused) {
  write_file_atomically(folder_ / "a.png", "nonsense");
  EXPECT_THAT(error(), Refused("", "1 of 1 files"));
  EXPECT_THAT(error().others(), ElementsAre(Refused("a.png", "is not an image")));
}

TEST_F(ImageFiles, AreReadFromNpy) {
  write_npy(folder_ / "x.npy", {3, 1, 2}, "abcdef");
  const torch::Tensor images = load_images(folder_ / "x.npy", 100).images;
  EXPECT_EQ(images.sizes().vec(), (std::vector<std::int64_t>{3, 1, 1, 2}));
  EXPECT_EQ(values(images), (std::vector<int>{'a', 'c', 'e'}));
}

TEST_F(ImageFiles, AnEndingInCapitalsIsTheSame) {
  write_npy(folder_ / "X.NPY", {1, 1, 2}, "ab");
  EXPECT_EQ(values(load_images(folder_ / "X.NPY", 100).images), (std::vector<int>{'a'}));
}

TEST_F(ImageFiles, ColoursOfNpyAreTheLastDimension) {
  write_npy(folder_ / "x.npy", {2, 1, 2, 3}, "abcdefghijkl");
  const torch::Tensor images = load_images(folder_ / "x.npy", 1).images;
  EXPECT_EQ(images.sizes().vec(), (std::vector<std::int64_t>{1, 3, 1, 2}));
  EXPECT_EQ(images.flatten()[1].item<int>(), 'd');
}

TEST_F(ImageFiles, NpyOfAnotherShapeIsRefused) {
  write_npy(folder_ / "x.npy", {1, 1, 3, 2}, "abcdef");
  EXPECT_THAT(error("x.npy"), Refused("x.npy", "has the shape (1, 1, 3, 2), but images have"));
}

TEST_F(ImageFiles, AnEmptyNpyIsRefused) {
  write_npy(folder_ / "x.npy", {0, 4, 4}, "");
  EXPECT_THAT(error("x.npy"), Refused("x.npy", "holds no images"));
}

TEST_F(ImageFiles, OtherFilesAreRefused) {
  write_file_atomically(folder_ / "x.jpg", "x");
  EXPECT_THAT(error("x.jpg"), Refused("x.jpg", "is neither a folder of pictures nor"));
  EXPECT_THAT(error("y"), Refused("y", "no such file or folder"));
}

}  // namespace
}  // namespace dcgan
