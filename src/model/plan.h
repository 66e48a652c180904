// A network before it has weights: a list of layers with their shapes.
//
// Everything that must agree about a network is made from its plan: the tensors (network.h), the
// forward pass (forward.h), the TorchScript in g.pt (script.h), exported files (export/), the
// tables that people read.
//
//   Generator, 28x28x1, base_channels 64          Discriminator, its mirror
//   z [100]                                       x [1, 28, 28]
//    └ transposed 4x4        [256,  4,  4] N R     └ conv 4x4 /2   [ 64, 14, 14]   L
//       └ transposed 3x3 /2  [128,  7,  7] N R        └ conv 4x4 /2  [128,  7,  7] N L
//          └ transposed 4x4 /2 [64, 14, 14] N R          └ conv 3x3 /2 [256,  4,  4] N L
//             └ transposed 4x4 /2 [1, 28, 28] tanh          └ conv 4x4   [1, 1, 1]   logit
//   N: BatchNorm, R: ReLU, L: LeakyReLU
//
// extra_layers puts a 3x3 convolution at stride 1 behind each of D's first halvings, and before
// each of G's last doublings. hidden_units puts a dense layer, written as a convolution of all
// pixels, before D's logit and behind G's latent.
//
// Source: Radford, Metz, Chintala (2015), section 3, for any image size.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "model/nonlinearity.h"

namespace dcgan {

enum class LayerKind { transposed_convolution, convolution, linear };

/// [channels, height, width]; [features, 1, 1] between linear layers.
using ImageShape = std::array<std::int64_t, 3>;

/// What changes a map's size beside the weights: 2x2 pooling behind the layer, or an enlargement of
/// its input to its output's size (Odena et al., "Deconvolution and checkerboard artifacts", 2016).
enum class Resampling { none, max_pool, avg_pool, nearest, bilinear };

/// The mode if there are any, then an enlargement, weights, normalisation, the non-linearity, and
/// pooling.
struct LayerPlan {
  std::string name;  ///< "layer1", counted from the input
  LayerKind kind = LayerKind::convolution;
  std::int64_t modes = 0;    ///< of the latent, in a generator's first layer; see modes.h
  std::int64_t classes = 0;  ///< that the modes have
  ImageShape input{};
  ImageShape output{};
  Extent kernel{1, 1};
  Extent stride{1, 1};
  Extent padding{0, 0};
  Resampling resampling = Resampling::none;
  bool bias = false;
  Norm norm = Norm::none;  ///< never batch_all
  Nonlinearity nonlinearity = Nonlinearity::none;
  double slope = 0.0;  ///< of leaky_relu for x < 0, elu's alpha, swish's beta
};

struct NetworkPlan {
  std::string name;  ///< "generator" or "discriminator"
  std::vector<LayerPlan> layers;
};

constexpr bool is_pooling(Resampling resampling) {
  return resampling == Resampling::max_pool || resampling == Resampling::avg_pool;
}

/// Whether the norm has a scale and a shift for each channel.
constexpr bool has_scale(Norm norm) {
  return is_batch_norm(norm) || norm == Norm::layer || norm == Norm::instance;
}

/// A layer alone, with neither a name, a bias, a norm nor a non-linearity.
LayerPlan convolution_plan(const ImageShape& input, std::int64_t channels, const Extent& kernel,
                           const Extent& stride, const Extent& padding);
LayerPlan linear_plan(const ImageShape& input, std::int64_t outputs);

/// The generator: latent [N, latent_dim] -> images [N, C, H, W] in the range of
/// `generator.output`. Normalised after every layer but the last; under batch_all after that, too;
/// spectral normalisation is of every weight. Layers have a bias only where nothing else shifts:
/// with none and spectral. With model.upsampling each doubling is an enlargement and a 3x3
/// convolution; the first layer, of the latent, stays a transposed convolution.
NetworkPlan plan_generator(const Config& config);

/// The discriminator: images [N, C, H, W] -> one logit each, [N]. Normalised after every layer
/// but the first and the last; under batch_all after the first, too. For the DCGAN each stage
/// halves H and W, rounding up (an even size by kernel 4, an odd one by kernel 3, stride 2, padding
/// 1), until the smaller side is 4 or less and two stages are there; the last convolution covers
/// what is left. With model.downsampling a stage is a 3x3 convolution at stride 1 and 2x2 pooling,
/// which rounds up likewise. With `model.classes` K it gives 1 + K numbers: the logit of an image
/// is the first plus that of its class, the projection of Miyato, Koyama, "cGANs with projection
/// discriminator" (2018), eq. 3, on the last features.
NetworkPlan plan_discriminator(const Config& config);

/// The sizes of a layer's weight: [out, in, kh, kw] for a convolution, [in, out, kh, kw] for a
/// transposed one, [out, in] for a linear one; PyTorch's order.
std::vector<std::int64_t> weight_sizes(const LayerPlan& layer);

/// Trainable numbers: weight, bias, the norm's scale and shift.
std::int64_t parameter_count(const LayerPlan& layer);

/// Floating-point operations of the layer's products for one image, forward: two a
/// multiply-accumulate. Norms, non-linearities and resampling are not counted.
std::int64_t forward_flops(const LayerPlan& layer);

/// In words: "layer norm", "max pooling"; "" for none.
const char* name_of(Norm norm);
const char* name_of(Resampling resampling);

/// The layer in words: "transposed convolution 4x4 /2, BatchNorm, relu".
std::string describe(const LayerPlan& layer);

/// The network as a table for people: layer, output shape, parameters, MFLOP an image; a last row
/// with the sums.
std::string describe(const NetworkPlan& plan);

}  // namespace dcgan
