// The table of configuration fields: one row per key, used by everything that reads, writes, checks
// or explains a configuration.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dcgan/config.h"

namespace dcgan {

/// A value as it stands in YAML or behind `--set`: a scalar, or a list of scalars.
struct FieldValue {
  bool is_list = false;
  std::vector<std::string> items;  ///< exactly one for a scalar
};

/// What a resumed run may do with a field.
enum class ResumeRule {
  fixed,  ///< a different value is refused: the run would no longer be the same
  free,   ///< may change: it only says how long, where, or how much is logged
};

struct Field {
  std::string key;      ///< "train.batch_size"
  std::string type;     ///< "integer", "number", "true | false", "relu | leaky_relu | ..."
  std::string range;    ///< "1 to 65536", or "" where the type says it all
  std::string meaning;  ///< one sentence for a user
  ResumeRule resume = ResumeRule::fixed;
  /// Sets the field from a value. Returns "" or what is wrong, without the key: "must be an integer
  /// from 1 to 65536, not 'abc'".
  std::function<std::string(Config&, const FieldValue&)> set;
  /// The value as YAML: 64, true, relu, [28, 28], "a: b".
  std::function<std::string(const Config&)> get;
};

/// Every key, in the order in which files and documents show them.
const std::vector<Field>& config_fields();

/// The row of `key`, or nullptr.
const Field* find_field(const std::string& key);

/// Fields that are fine one by one and do not go together.
struct Conflict {
  std::vector<std::string> keys;  ///< those involved; the first of those set last is to blame
  std::string message;            ///< "model.max_channels (32) must not be below ..."
};
std::vector<Conflict> find_conflicts(const Config& config);

/// What to set for so many classes (1 to 256), as model.latent_modes and model.latent_dim must go
/// with them: "model.classes: 26 and model.latent_modes: 26".
std::string remedy_for_classes(ModelConfig model, std::int64_t classes);

/// `text` as a YAML scalar on one line: quoted only where it must be.
std::string yaml_scalar(const std::string& text);

/// The words of an enum, as configuration files spell them.
std::string to_string(DataFormat value);
std::string to_string(DataSplit value);
std::string to_string(ImageFit value);
std::string to_string(Levels value);
std::string to_string(ModelKind value);
std::string to_string(Activation value);
std::string to_string(OutputRange value);
std::string to_string(LossKind value);
std::string to_string(LrSchedule value);
std::string to_string(Precision value);

}  // namespace dcgan
