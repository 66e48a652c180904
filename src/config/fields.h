// The table of configuration fields: one row per key, used by everything that reads, writes, checks
// or explains a configuration.
#pragma once

#include <functional>
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

/// A value as it stands in YAML or behind `--set`: a scalar, or a list of scalars.
struct FieldValue {
  bool is_list = false;
  std::vector<std::string> items;  ///< exactly one for a scalar
};

/// What is wrong with a value, behind its key ("must be dcgan or dense, not 'dens'"), and what to
/// do about it ("did you mean 'dense'?", or "").
struct Problem {
  std::string text;
  std::string remedy;
};

/// What a resumed run may do with a field.
enum class ResumeRule {
  fixed,  ///< a different value is refused: the run would no longer be the same
  free,   ///< may change: it only says how long, where, or how much is logged
};

/// "train" and "batch_size" of "train.batch_size"; "" and "seed" of "seed".
inline std::string section_of(const std::string& key) {
  const auto dot = key.find('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}
inline std::string name_of(const std::string& key) { return key.substr(key.find('.') + 1); }

struct Field {
  std::string key;      ///< "train.batch_size"
  std::string type;     ///< "integer", "number", "true | false", "relu | leaky_relu | ..."
  std::string range;    ///< "1 to 65536", or "" where the type says it all
  std::string meaning;  ///< one sentence for a user
  ResumeRule resume = ResumeRule::fixed;
  /// Sets the field from a value, or leaves the configuration as it is and says why.
  std::function<std::optional<Problem>(Config&, const FieldValue&)> set = {};
  /// The value as YAML: 64, true, relu, [28, 28], "a: b".
  std::function<std::string(const Config&)> get = {};

  std::string section() const { return section_of(key); }
  std::string name() const { return name_of(key); }
};

/// Every key, in the order in which files and documents show them.
const std::vector<Field>& config_fields();

/// The row of `key`, or nullptr.
const Field* find_field(const std::string& key);

/// Fields that are fine one by one and do not go together.
struct Conflict {
  std::vector<std::string> keys;  ///< those involved; the first of those set last is to blame
  Problem problem;                ///< "model.max_channels (32) must not be below ..."
};
std::vector<Conflict> find_conflicts(const Config& config);

/// What to set for so many classes, as model.latent_modes and model.latent_dim must go with them:
/// "model.classes: 26, model.latent_modes: 26".
std::string remedy_for_classes(const ModelConfig& model, std::int64_t classes);

/// `text` as a YAML scalar on one line: quoted only where it must be.
std::string yaml_scalar(const std::string& text);

/// The words of an enum, as configuration files spell them, in its order.
template <typename Enum>
inline constexpr std::initializer_list<const char*> kWords;
template <>
inline constexpr std::initializer_list<const char*> kWords<bool>{"false", "true"};
template <>
inline constexpr std::initializer_list<const char*> kWords<DataFormat>{"mnist", "cifar10",
                                                                       "cifar100", "folder", "npy"};
template <>
inline constexpr std::initializer_list<const char*> kWords<DataSplit>{"train", "test"};
template <>
inline constexpr std::initializer_list<const char*> kWords<ImageFit>{"crop", "pad", "stretch"};
template <>
inline constexpr std::initializer_list<const char*> kWords<Levels>{"full", "auto"};
template <>
inline constexpr std::initializer_list<const char*> kWords<ModelKind>{"dcgan", "dense"};
template <>
inline constexpr std::initializer_list<const char*> kWords<Activation>{
    "relu", "leaky_relu", "elu", "selu", "gelu", "swish"};
template <>
inline constexpr std::initializer_list<const char*> kWords<Norm>{"none",  "batch",    "batch_all",
                                                                 "layer", "instance", "spectral"};
template <>
inline constexpr std::initializer_list<const char*> kWords<Downsampling>{"stride", "max_pool",
                                                                         "avg_pool"};
template <>
inline constexpr std::initializer_list<const char*> kWords<Upsampling>{"transposed", "nearest",
                                                                       "bilinear"};
template <>
inline constexpr std::initializer_list<const char*> kWords<OutputRange>{"tanh", "sigmoid"};
template <>
inline constexpr std::initializer_list<const char*> kWords<LossKind>{
    "non_saturating", "minimax", "hinge", "least_squares", "wasserstein"};
template <>
inline constexpr std::initializer_list<const char*> kWords<Init>{"normal", "pytorch"};
template <>
inline constexpr std::initializer_list<const char*> kWords<OptimizerKind>{"adam", "sgd", "rmsprop"};
template <>
inline constexpr std::initializer_list<const char*> kWords<LrSchedule>{"constant", "linear",
                                                                       "cosine"};
template <>
inline constexpr std::initializer_list<const char*> kWords<Precision>{"fp32", "tf32", "bf16",
                                                                      "auto"};

template <typename Enum>
requires(kWords<Enum>.size() > 0) std::string to_string(Enum value) {
  return kWords<Enum>.begin()[static_cast<std::size_t>(value)];
}

}  // namespace dcgan
