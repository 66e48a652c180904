// A trained network as the writers of files see it: its plan and plain arrays.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "dcgan/config.h"
#include "export/export.h"
#include "model/plan.h"

namespace dcgan {

struct NamedArray {
  std::string name;
  std::vector<std::int64_t> sizes;
  std::vector<float> numbers;  ///< row-major
};

struct ExportedNetwork {
  NetworkPlan plan;
  std::vector<NamedArray> arrays;  ///< of named_tensors(), in its order and by its names
  Config config;
  std::int64_t step = 0;
  std::vector<std::string> classes;  ///< as in Dataset, of model.classes
  ExportOptions options;             ///< what it was read with
};

/// A name for each of model.classes: its number where it has none.
std::vector<std::string> all_class_names(const ExportedNetwork& network);

/// Throws `failure` naming the file; also for a discriminator where `checkpoint` has none.
ExportedNetwork read_exported_network(const std::filesystem::path& checkpoint,
                                      const ExportOptions& options);

/// A layer without BatchNorm and spectral normalisation: running statistics are part of weight and
/// bias (Jacob et al., "Quantization and training of neural networks for efficient
/// integer-arithmetic-only inference", 2018, eq. 14), and the weight is divided already.
struct FoldedLayer {
  LayerPlan plan;
  std::vector<float> weight;      ///< in the order of weight_sizes()
  std::vector<float> bias;        ///< [out]; zeros where the layer had neither bias nor BatchNorm
  std::vector<float> norm_scale;  ///< [out], of layer and instance normalisation, else empty
  std::vector<float> norm_shift;  ///< likewise
  std::vector<float> mode_bias;   ///< [modes]; empty where the modes have no classes
};

std::vector<FoldedLayer> fold_norms(const ExportedNetwork& network);

}  // namespace dcgan
