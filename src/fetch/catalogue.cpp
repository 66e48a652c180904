#include "fetch/catalogue.h"

#include <fmt/format.h>

#include <numeric>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

// Where the sums are from. A sum counts as published where several public projects hold the same
// one, each of which refuses a download that differs.
//   MNIST, .gz and content: torchvision-ruby, nixpkgs, Burn.
//   Fashion-MNIST, .gz: torchvision-ruby; content: Debian's dataset-fashion-mnist has it, too.
//   KMNIST, .gz: torchvision-ruby, torchvision's prototypes, MegEngine. Of the content none is
//   known. CIFAR, archives: TensorFlow Datasets, MLDatasets.jl; the files in them:
//   torchvision-ruby.

KnownSet mnist() {
  return {
      .name = "mnist",
      .sources = {"https://ossci-datasets.s3.amazonaws.com/mnist/",
                  "https://storage.googleapis.com/cvdf-datasets/mnist/"},
      .files =
          {{.name = "train-images-idx3-ubyte.gz",
            .bytes = 9'912'422,
            .sha256 = "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
            .content_sha256 = "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
           {.name = "train-labels-idx1-ubyte.gz",
            .bytes = 28'881,
            .sha256 = "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
            .content_sha256 = "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
           {.name = "t10k-images-idx3-ubyte.gz",
            .bytes = 1'648'877,
            .sha256 = "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
            .content_sha256 = "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
           {.name = "t10k-labels-idx1-ubyte.gz",
            .bytes = 4'542,
            .sha256 = "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
            .content_sha256 = "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"}},
      .train_images = 60'000,
      .test_images = 10'000,
      .shape = {28, 28, 1},
      .classes = 10,
      .licence = "CC BY-SA 3.0",
      .homepage = "http://yann.lecun.com/exdb/mnist/"};
}

KnownSet fashion_mnist() {
  return {
      .name = "fashion-mnist",
      .sources = {"https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/"
                  "fashion/",
                  "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"},
      .files =
          {{.name = "train-images-idx3-ubyte.gz",
            .bytes = 26'421'880,
            .sha256 = "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
            .content_sha256 = "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
           {.name = "train-labels-idx1-ubyte.gz",
            .bytes = 29'515,
            .sha256 = "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
            .content_sha256 = "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
           {.name = "t10k-images-idx3-ubyte.gz",
            .bytes = 4'422'102,
            .sha256 = "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
            .content_sha256 = "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
           {.name = "t10k-labels-idx1-ubyte.gz",
            .bytes = 5'148,
            .sha256 = "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
            .content_sha256 = "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}},
      .train_images = 60'000,
      .test_images = 10'000,
      .shape = {28, 28, 1},
      .classes = 10,
      .licence = "MIT",
      .homepage = "https://github.com/zalandoresearch/fashion-mnist",
      .system_folder = "/usr/share/datasets/fashion-mnist"};
}

KnownSet kmnist() {
  return {.name = "kmnist",
          .sources = {"https://codh.rois.ac.jp/kmnist/dataset/kmnist/",
                      "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
          .files = {{.name = "train-images-idx3-ubyte.gz",
                     .bytes = 18'165'135,
                     .sha256 = "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"},
                    {.name = "train-labels-idx1-ubyte.gz",
                     .bytes = 29'497,
                     .sha256 = "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"},
                    {.name = "t10k-images-idx3-ubyte.gz",
                     .bytes = 3'041'136,
                     .sha256 = "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"},
                    {.name = "t10k-labels-idx1-ubyte.gz",
                     .bytes = 5'120,
                     .sha256 = "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"}},
          .train_images = 60'000,
          .test_images = 10'000,
          .shape = {28, 28, 1},
          .classes = 10,
          .licence = "CC BY-SA 4.0",
          .homepage = "https://codh.rois.ac.jp/kmnist/"};
}

constexpr std::int64_t kMostNameBytes = 65'536;  ///< of a list of the classes' names

KnownSet cifar10() {
  constexpr std::int64_t kBatchBytes = 30'730'000;  // 10,000 of one label and 3 x 32 x 32 bytes
  return {
      .name = "cifar10",
      .sources = {"https://www.cs.toronto.edu/~kriz/"},
      .files = {{.name = "cifar-10-binary.tar.gz",
                 .bytes = 170'052'171,
                 .sha256 = "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                 .unpacked = {{"data_batch_1.bin", kBatchBytes,
                               "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
                              {"data_batch_2.bin", kBatchBytes,
                               "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
                              {"data_batch_3.bin", kBatchBytes,
                               "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
                              {"data_batch_4.bin", kBatchBytes,
                               "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
                              {"data_batch_5.bin", kBatchBytes,
                               "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
                              {"test_batch.bin", kBatchBytes,
                               "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
                              {"batches.meta.txt", kMostNameBytes, ""}}}},
      .train_images = 50'000,
      .test_images = 10'000,
      .shape = {32, 32, 3},
      .classes = 10,
      .licence = "none stated",
      .homepage = "https://www.cs.toronto.edu/~kriz/cifar.html"};
}

KnownSet cifar100() {
  return {
      .name = "cifar100",
      .sources = {"https://www.cs.toronto.edu/~kriz/"},
      .files = {{.name = "cifar-100-binary.tar.gz",
                 .bytes = 168'513'733,
                 .sha256 = "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                 .unpacked = {{"train.bin",
                               153'700'000,  // 50,000 of two labels and 3 x 32 x 32 bytes
                               "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
                              {"test.bin", 30'740'000,
                               "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"},
                              {"fine_label_names.txt", kMostNameBytes, ""},
                              {"coarse_label_names.txt", kMostNameBytes, ""}}}},
      .train_images = 50'000,
      .test_images = 10'000,
      .shape = {32, 32, 3},
      .classes = 100,
      .licence = "none stated",
      .homepage = "https://www.cs.toronto.edu/~kriz/cifar.html"};
}

}  // namespace

const std::vector<KnownSet>& known_sets() {
  static const std::vector<KnownSet> sets{mnist(), fashion_mnist(), kmnist(), cifar10(),
                                          cifar100()};
  return sets;
}

const KnownSet& find_known_set(std::string_view name) {
  std::vector<std::string> names;
  for (const KnownSet& set : known_sets()) {
    if (set.name == name) return set;
    names.push_back(set.name);
  }
  const std::string nearest = did_you_mean(name, names);
  throw usage_error(
      fmt::format("unknown data set '{}'{}", printable(name),
                  nearest.empty() ? fmt::format("; it must be {}", or_list(names)) : nearest));
}

std::int64_t download_bytes(const KnownSet& set) {
  return std::accumulate(set.files.begin(), set.files.end(), std::int64_t{0},
                         [](std::int64_t sum, const RemoteFile& file) { return sum + file.bytes; });
}

}  // namespace dcgan
