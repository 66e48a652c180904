// Everything a run can be told, as plain data.
//
// Each field's default, range and meaning for the user stand in one table, `config_fields()` in
// fields.h; what follows is the same structure for code. The defaults are the DCGAN of Radford,
// Metz and Chintala, "Unsupervised Representation Learning with Deep Convolutional Generative
// Adversarial Networks" (2015), at the size of MNIST.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace dcgan {

enum class DataFormat { mnist, cifar10, cifar100, folder, npy };
/// Whether its sets come as a training and a test split; of others data.held_out keeps back a
/// share.
constexpr bool has_own_splits(DataFormat format) {
  return format != DataFormat::folder && format != DataFormat::npy;
}
enum class DataSplit { train, test };
/// How an image gets the shape of `data.image_size`: cut to it, padded to it, or stretched.
enum class ImageFit { crop, pad, stretch };
/// Which value becomes white: the largest that a file could hold, or the largest of the data set.
enum class Levels { full, automatic };
using Extent = std::array<std::int64_t, 2>;  ///< {height, width} in pixels
using Color = std::array<std::uint8_t, 3>;   ///< red, green, blue
enum class ModelKind { dcgan, dense };
enum class Activation { relu, leaky_relu, elu, selu, gelu, swish };
/// Which layers BatchNorm is in: all but G's last and D's first (batch), or also in these
/// (batch_all). D's logit has none ever.
enum class Norm { none, batch, batch_all, layer, instance, spectral };
constexpr bool is_batch_norm(Norm norm) { return norm == Norm::batch || norm == Norm::batch_all; }
enum class Downsampling { stride, max_pool, avg_pool };
enum class Upsampling { transposed, nearest, bilinear };
enum class OutputRange { tanh, sigmoid };
enum class LossKind { non_saturating, minimax, hinge, least_squares, wasserstein };
/// Whether sigmoid(D's output) is a probability under it, or D's output a plain number.
constexpr bool is_of_probabilities(LossKind loss) {
  return loss == LossKind::non_saturating || loss == LossKind::minimax;
}
enum class Init { normal, pytorch };
enum class OptimizerKind { adam, sgd, rmsprop };
enum class LrSchedule { constant, linear, cosine };
enum class Precision { fp32, tf32, bf16, automatic };

struct DataConfig {
  DataFormat format = DataFormat::mnist;
  std::string path = "data/mnist";  ///< a folder (npy: a file); absolute once resolved from a file
  DataSplit split = DataSplit::train;
  Extent image_size{28, 28};  ///< each >= 8
  std::int64_t channels = 1;  ///< 1 or 3
  ImageFit fit = ImageFit::crop;
  Color background{255, 255, 255};  ///< behind transparent pixels and, where fit pads, around them
  Levels levels = Levels::full;
  bool classes = false;           ///< folder: the folders in it are classes
  double held_out = 0.1;          ///< folder, npy: the share of the images that is the test split
  bool flip = false;              ///< mirror at random, left to right, while training
  double max_bad_fraction = 0.1;  ///< folder: files that may be no images before it is an error
  std::string cache = "auto";     ///< folder: where decoded images are kept; auto, none or a folder
  std::int64_t limit = 0;         ///< the first so many images; 0: all
  bool shuffle = true;
  bool drop_last = true;  ///< drop an epoch's last, incomplete batch
  bool on_device = true;  ///< keep the set in a GPU's memory, where it takes at most 4 GiB there
};

/// Of a number: chosen from the number and the size of the images as training begins.
inline constexpr std::int64_t kAuto = -1;

struct ModelConfig {
  ModelKind kind = ModelKind::dcgan;
  std::int64_t latent_dim = 100;
  std::int64_t latent_modes = 0;    ///< the first so many latents choose the mode; 0: no modes
  std::int64_t classes = 0;         ///< of the images, which both networks then know; 0: none
  std::int64_t base_channels = 64;  ///< channels of D's first layer, G's last hidden one; or kAuto
  std::int64_t max_channels = 512;  ///< channels double from layer to layer up to this
  std::int64_t hidden_units = 0;  ///< of a dense layer behind D's features and before G's; 0: none
  Downsampling downsampling = Downsampling::stride;        ///< how D halves the size
  Upsampling upsampling = Upsampling::transposed;          ///< how G doubles it
  std::vector<std::int64_t> dense_widths{256, 512, 1024};  ///< G's hidden layers; D mirrors them
  Init init = Init::normal;
  double init_deviation = 0.02;  ///< normal: weights ~ N(0, d^2), BatchNorm's scale ~ N(1, d^2)
};

/// What G and D each have.
struct NetworkConfig {
  Activation activation = Activation::relu;
  double slope = 0.2;  ///< leaky_relu's slope for x < 0, elu's alpha, swish's beta
  Norm norm = Norm::batch;
  double lr = 2e-4;                ///< the optimizer's step size, before train.lr_schedule
  std::int64_t base_channels = 0;  ///< in place of model.base_channels; 0: that one
  std::int64_t extra_layers = 0;   ///< of 3x3 at stride 1, at so many of the sizes next the image's
};

/// Fewer images have no neighbours to be measured by.
inline constexpr std::int64_t kMinEvaluatedSamples = 10;

struct TrainConfig {
  std::int64_t epochs = 10;      ///< or kAuto
  std::int64_t batch_size = 64;  ///< or kAuto
  LossKind loss = LossKind::non_saturating;
  OptimizerKind optimizer = OptimizerKind::adam;
  double beta1 = 0.5;    ///< sgd: its momentum
  double beta2 = 0.999;  ///< rmsprop: its alpha
  double eps = 1e-8;
  std::string init_from = "none";   ///< a g.pt, checkpoint or run; absolute once resolved
  bool init_partial = false;        ///< what does not fit of init_from begins with new weights
  std::vector<std::string> freeze;  ///< "generator.layer1", ...: not trained
  LrSchedule lr_schedule = LrSchedule::constant;  ///< of both learning rates, over the whole run
  std::int64_t discriminator_steps = 1;           ///< steps of D for each of G
  double label_smoothing = 0;  ///< one-sided: D's target for a real image is 1 - this
  double class_mismatch = 0;   ///< weight of D's loss on real images of a wrong class; 0: none
  double r1_gamma = 0;  ///< weight of the penalty on D's gradient at real images; 0: none; or kAuto
  std::int64_t r1_every = 16;    ///< steps between two penalties, each scaled by as much
  double gradient_penalty = 0;   ///< weight of D's slope other than 1 between images; 0: none
  double weight_clip = 0;        ///< D's weights stay in [-this, this]; 0: they are free
  std::int64_t translation = 0;  ///< pixels by which images move before D, at most; 0: none
  double color_jitter = 0;       ///< of what D sees, 1 as in DiffAugment; 0: none
  double cutout = 0;             ///< share of each side that is cut out of what D sees; 0: none
  double augment_target = 0;     ///< of E[sign(D(x))], by which these three adapt; 0: always on
  double instance_noise = 0;     ///< deviation of noise on what D sees, falling to 0; 0: none
  double ema_decay = 0;          ///< of the average of G's weights over the steps; 0: no average
  bool posthoc_ema = false;      ///< snapshots of which averages of any width are made later
  Precision precision = Precision::fp32;  ///< of a step's products; weights are float32 always
  std::int64_t shards = 1;                ///< parts of each batch whose sums have a fixed order
  std::int64_t accumulate = 1;            ///< micro-batches that a process takes one by one
  std::int64_t rank_timeout = 600;        ///< seconds that processes wait for each other
  bool sync_batch_norm = true;        ///< statistics of the whole batch, however many compute it
  std::int64_t log_every = 50;        ///< steps between two lines of metrics.jsonl
  bool tensorboard = false;           ///< event files for TensorBoard
  std::int64_t sample_every = 0;      ///< steps between two sample grids; 0: each epoch's end
  std::int64_t checkpoint_every = 0;  ///< steps between two checkpoints; 0: each epoch's end
  std::int64_t evaluate_every = 1;    ///< epochs between two evaluations; 0: none
  std::int64_t evaluate_samples = 0;  ///< images in each, from kMinEvaluatedSamples; 0: cheap
  std::string features = "auto";  ///< what evaluations see: auto, or a file, absolute once resolved
};

struct RunConfig {
  std::int64_t sample_count = 64;     ///< images in each sample grid
  std::int64_t keep_checkpoints = 2;  ///< older ones are removed
  std::string device = "auto";        ///< auto | cpu | cuda | cuda:N
  bool cuda_graph = false;            ///< steps are recorded once, then repeated
  std::int64_t threads = 0;           ///< 0: as many as the process may use
};

struct Config {
  std::int64_t seed = 1;
  DataConfig data;
  ModelConfig model;
  NetworkConfig generator;
  OutputRange output = OutputRange::tanh;  ///< generator.output: [-1, 1] or [0, 1]
  NetworkConfig discriminator{Activation::leaky_relu};
  TrainConfig train;
  RunConfig run;
};

/// A YAML file's, with `set` over it: "train.epochs=5". docs/configuration.md lists the keys. Paths
/// in the file are relative to it. Throws a usage error that names the file, line and key of every
/// mistake.
Config load_config(const std::filesystem::path& file, const std::vector<std::string>& set = {});

}  // namespace dcgan
