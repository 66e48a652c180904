// Features: what a network sees in an image, as a vector in which distances mean something.
//
// Every measure of this room compares features, so numbers of two different feature networks can't
// be compared: a report names them and their checksum.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

/// Images as networks see them: uint8 [N, C, H, W] -> float32 in [-1, 1], on `device`.
inline torch::Tensor to_unit_range(const torch::Tensor& images, torch::Device device) {
  return images.to(device, torch::kFloat32).div_(127.5).sub_(1);
}

/// Of N images.
struct FeatureBatch {
  torch::Tensor features;  ///< float32 [N, D]
  torch::Tensor logits;    ///< float32 [N, classes]; undefined where the network has no classes
};

/// The file of the network that comes with the program for a known data set, by Dataset::set; ""
/// for another set. data/features/*.pt lie inside the program, byte for byte.
std::string_view shipped_features(std::string_view set);

/// A network from images to features, ready to be asked. Copies share its tensors.
struct Features {
  std::string name;  ///< "mnist classifier (shipped)", "random convolutions", or the file's path
  std::string checksum;  ///< CRC-32 of the file, or of the random weights; 8 hex digits
  torch::Device device = torch::kCPU;
  /// images: uint8 [64, C, H, W] on `device`; features and logits on it, too.
  std::function<FeatureBatch(const torch::Tensor& images)> run = {};
  bool is_small = false;  ///< and ours: batches may be computed side by side, a thread each
  std::vector<std::string> class_names = {};  ///< as in Dataset

  /// A file made by `dcgan features train`, or any TorchScript archive whose forward takes images
  /// and returns [N, D]: see docs/evaluation.md for the contract. Throws `failure` naming the file.
  static Features open(const std::filesystem::path& path, torch::Device device);

  /// The classifier that comes with the program for a known data set, by Dataset::set ("mnist",
  /// "fashion-mnist"); nothing for another set.
  static std::optional<Features> shipped(const std::string& set, torch::Device device);

  /// Those of convolutions with random weights, which know no classes: for a set without a network
  /// of its own. A network that has learned nothing still maps alike images to alike features, and
  /// favours no set: Naeem et al., "Reliable fidelity and diversity metrics for generative models"
  /// (2020), section 3.3 and 4, take one where Inception's photographs are too far from the data.
  /// It sees colours, edges and where they are: it tells blur, noise, lost variety and wrong
  /// colours, but a digit that can't be read is as good to it as one that can.
  static Features random(torch::Device device);

  /// What `wanted` says: "auto" is the shipped one for `set`, or random() where there is none;
  /// anything else is a file's path.
  static Features find(const std::string& wanted, const std::string& set, torch::Device device);

  /// images: uint8 [N, C, H, W], CPU, C = 1 or 3, any size; resized (antialiased) and converted
  /// between grey and RGB as the network wants. An image's features do not depend on its
  /// batch-mates. The result is on the CPU. Throws `failure` naming the network where it fails on
  /// such images.
  FeatureBatch compute(const torch::Tensor& images) const;
};

}  // namespace dcgan
