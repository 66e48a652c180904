#include "config/resolve.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <set>

#include "base/text.h"
#include "config/fields.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// Names of keys -----------------------------------------------------------------------------------

/// The first key of a section, as an example, or null where there is no such section.
const Field* first_of(const std::string& section) {
  if (section.empty()) return nullptr;
  const auto& fields = config_fields();
  const auto found = std::find_if(fields.begin(), fields.end(),
                                  [&](const Field& field) { return field.section() == section; });
  return found == fields.end() ? nullptr : &*found;
}

/// For a key that does not exist: the same name in another section, or what is spelt like it.
std::string remedy_for_key(const std::string& key) {
  std::vector<std::string> known;
  std::vector<std::string> same_name;
  for (const Field& field : config_fields()) {
    known.push_back(field.key);
    if (first_of(field.section()) == &field && field.section() != key) {
      known.push_back(field.section());
    }
    if (field.name() == name_of(key)) same_name.push_back(fmt::format("'{}'", field.key));
  }
  if (!same_name.empty()) return fmt::format("did you mean {}?", or_list(same_name));
  return did_you_mean(key, known, "'dcgan config' lists all keys");
}

/// The key and the value that say today what `x.batch_norm: true | false` of old files says.
void translate_old_key(std::string& key, std::optional<FieldValue>& value) {
  if (name_of(key) != "batch_norm" || first_of(section_of(key)) == nullptr) return;
  const std::string renamed = section_of(key) + ".norm";
  if (find_field(renamed) == nullptr) return;
  key = renamed;
  if (!value || value->is_list) return;
  std::string& item = value->items.front();
  if (item == "true") item = to_string(Norm::batch);
  if (item == "false") item = to_string(Norm::none);
}

// Values ------------------------------------------------------------------------------------------

/// Nothing for a map, or a list that holds more than single values.
std::optional<FieldValue> value_of(const YAML::Node& node) {
  if (node.IsNull()) return FieldValue{false, {""}};
  if (node.IsScalar()) return FieldValue{false, {node.Scalar()}};
  if (!node.IsSequence()) return std::nullopt;
  FieldValue value{true, {}};
  for (const YAML::Node& item : node) {
    if (!item.IsScalar() && !item.IsNull()) return std::nullopt;
    value.items.push_back(item.IsNull() ? "" : item.Scalar());
  }
  return value;
}

/// A value behind `--set`: as it stands, or YAML where it begins with a bracket or a quote.
std::optional<FieldValue> value_of_text(const std::string& text) {
  if (text.starts_with('[') || text.starts_with('\'') || text.starts_with('"')) {
    try {
      const YAML::Node alone = YAML::Load('[' + text + "\n]");  // refuses more behind it
      if (alone.size() == 1) return value_of(alone[0]);
    } catch (const YAML::Exception&) {  // it does not end: a path may have a bracket or a quote
    }
  }
  return FieldValue{false, {text}};
}

/// "~/x" in the user's home; otherwise relative to `base`. No trailing slash, no "..".
std::string absolute_path(const std::string& text, const fs::path& base) {
  fs::path path = text;
  const char* const home = std::getenv("HOME");
  if (home != nullptr && (text == "~" || text.starts_with("~/"))) path = home + text.substr(1);
  path = (base / path).lexically_normal();
  if (!path.has_filename() && path.has_relative_path()) path = path.parent_path();
  return path.string();
}

// Reading -----------------------------------------------------------------------------------------

struct Entry {
  YAML::Node key;
  YAML::Node value;
};

int line_of(const YAML::Node& node) { return node.Mark().line + 1; }

/// Gathers a configuration from its sources, and every problem on the way.
class Gatherer {
 public:
  /// `kind`: of the problems.
  explicit Gatherer(ErrorKind kind) : kind_(kind) {}

  /// A problem at a line of the document.
  Error& add(int line, const std::string& text) {
    return add(Error(kind_, text).in(document_, line));
  }
  Error& add(Error error) { return problems_.emplace_back(std::move(error)); }
  /// All of them as one error.
  void throw_problems() const {
    if (problems_.empty()) return;
    Error all = problems_.front();
    for (std::size_t i = 1; i < problems_.size(); ++i) all.also(problems_[i]);
    throw all;
  }
  ResolvedConfig& resolved() { return resolved_; }

  void read_document(const std::string& yaml, const std::string& name) {
    document_ = name;
    if (yaml.find('\0') != std::string::npos) {
      add(0, "is not a text file").remedy("a configuration is YAML in UTF-8");
      return;
    }
    try {
      const std::vector<YAML::Node> documents = YAML::LoadAll(yaml);
      if (!documents.empty()) read_root(documents[0]);
      if (documents.size() > 1) {
        add(line_of(documents[1]), "a second YAML document begins here").remedy("leave one");
      }
    } catch (const YAML::Exception& error) {
      add(error.mark.is_null() ? 0 : error.mark.line + 1,
          "is not valid YAML: " + printable(error.msg))
          .remedy("check indentation (spaces, no tabs), colons and quotes here");
    }
  }

  void apply(const Override& override_text) {
    const std::string& flag = override_text.flag;
    const auto equals = override_text.text.find('=');
    std::string key = trimmed(override_text.text.substr(0, equals));
    std::optional<FieldValue> value;
    if (equals != std::string::npos) {
      value = value_of_text(trimmed(override_text.text.substr(equals + 1)));
    }
    translate_old_key(key, value);
    const Field* const field = find_field(key);
    if (field == nullptr) {
      add(Error(kind_, fmt::format("unknown key '{}'", printable(key)))
              .in(flag)
              .remedy(remedy_for_key(key)));
    } else if (equals == std::string::npos) {
      add(Error(kind_, fmt::format("'{}' has no value", key))
              .in(flag)
              .remedy(fmt::format("write {}=...", key)));
    } else {
      set(*field, value, {Origin::Source::command_line, flag});
    }
  }

  /// Checks that need more than one field, for those that are fine by themselves.
  void check_conflicts() {
    for (const Conflict& conflict : find_conflicts(resolved_.config)) {
      const bool already_told = std::any_of(conflict.keys.begin(), conflict.keys.end(),
                                            [&](const auto& key) { return faulty_.contains(key); });
      if (already_told) continue;
      // Where to look: at the first key of those that were set last, on the command line above all.
      const auto blamed = std::max_element(
          conflict.keys.begin(), conflict.keys.end(), [&](const auto& a, const auto& b) {
            return resolved_.origins[a].source < resolved_.origins[b].source;
          });
      const Origin& origin = resolved_.origins[*blamed];
      add(Error(kind_, conflict.problem.text)
              .in(origin.where, origin.line)
              .key(*blamed)
              .remedy(conflict.problem.remedy));
    }
  }

 private:
  /// A map's own entries, then those that its merge keys bring (YAML 1.1): `<<: *name`, or a list,
  /// of which the first map that has a key gives it.
  std::vector<Entry> entries_of(const YAML::Node& map, int depth = 0) {
    constexpr int kMaxDepth = 16;
    std::vector<Entry> entries;
    std::vector<Entry> merged;
    if (!map.IsMap() || depth > kMaxDepth) {
      add(line_of(map), map.IsMap() ? "a map merges itself" : "'<<' merges no map")
          .remedy("name another map with '<<: *name'");
      return entries;
    }
    const auto merge = [&](const YAML::Node& other) {
      const std::vector<Entry> more = entries_of(other, depth + 1);
      merged.insert(merged.end(), more.begin(), more.end());
    };
    for (const auto& entry : map) {
      if (!entry.first.IsScalar()) {
        add(line_of(entry.first), "a key must be a word");
      } else if (entry.first.Scalar() != "<<") {
        entries.push_back({entry.first, entry.second});
      } else if (entry.second.IsSequence()) {
        for (const YAML::Node& one : entry.second) merge(one);
      } else {
        merge(entry.second);
      }
    }
    for (const Entry& one : merged) {
      const bool is_own = std::any_of(entries.begin(), entries.end(), [&](const Entry& entry) {
        return entry.key.Scalar() == one.key.Scalar();
      });
      if (!is_own) entries.push_back(one);
    }
    return entries;
  }

  void read_root(const YAML::Node& root) {
    if (root.IsNull()) return;  // empty, or nothing but comments: all defaults
    if (!root.IsMap()) {
      add(line_of(root), "must hold sections such as 'train:' with keys below");
      return;
    }
    for (const Entry& entry : entries_of(root)) {
      const std::string& word = entry.key.Scalar();
      if (first_of(word) == nullptr) {
        read_key(word, entry);
      } else if (entry.value.IsMap()) {
        for (const Entry& inner : entries_of(entry.value)) {
          read_key(word + "." + inner.key.Scalar(), inner);
        }
      } else if (!entry.value.IsNull()) {
        add(line_of(entry.key), fmt::format("'{}' is a section: write keys such as '{}:' below it, "
                                            "indented",
                                            word, first_of(word)->name()));
      }
    }
  }

  void read_key(std::string key, const Entry& entry) {
    const int line = line_of(entry.key);
    std::optional<FieldValue> value = value_of(entry.value);
    translate_old_key(key, value);
    const Field* const field = find_field(key);
    if (field == nullptr) {
      add(line, fmt::format("unknown key '{}'", printable(key))).remedy(remedy_for_key(key));
      return;
    }
    const Origin& before = resolved_.origins[key];
    if (before.source == Origin::Source::file) {
      add(line, fmt::format("'{}' is given twice; the first is in line {}", key, before.line))
          .key(key);
    } else {
      set(*field, value, {Origin::Source::file, document_, line});
    }
  }

  void set(const Field& field, const std::optional<FieldValue>& value, const Origin& origin) {
    const auto problem =
        value ? field.set(resolved_.config, *value)
              : std::optional(Problem{"must be a value or a list of values, nothing nested", ""});
    if (!problem) {
      faulty_.erase(field.key);
      resolved_.origins[field.key] = origin;
      return;
    }
    faulty_.insert(field.key);
    add(Error(kind_, fmt::format("{} {}", field.key, problem->text))
            .in(origin.where, origin.line)
            .key(field.key)
            .remedy(problem->remedy));
  }

  ErrorKind kind_;
  std::string document_;  ///< its name, for messages
  ResolvedConfig resolved_;
  std::vector<Error> problems_;
  std::set<std::string> faulty_;  ///< keys with a value that was refused
};

}  // namespace

ResolvedConfig resolve_config(const std::optional<fs::path>& file,
                              const std::vector<Override>& overrides, const fs::path& shipped) {
  Gatherer gatherer(ErrorKind::usage);
  ConfigFile source;
  if (file) {
    try {
      source = read_config_file(*file, shipped);
      gatherer.read_document(source.text, source.path.string());
    } catch (const Error& error) {
      gatherer.add(error);
    }
  }
  for (const Override& one : overrides) gatherer.apply(one);
  gatherer.check_conflicts();
  gatherer.throw_problems();

  ResolvedConfig& resolved = gatherer.resolved();
  if (!source.is_stream) resolved.file = source.path;
  const fs::path here = fs::current_path();
  const auto make_absolute = [&](const std::string& key, std::string& path) {
    const bool from_file = resolved.origins[key].source == Origin::Source::file;
    const fs::path base =
        from_file && !source.is_stream ? (here / source.path).parent_path() : here;
    const std::string absolute = absolute_path(path, base);
    // An installation brings MNIST only: `dcgan data fetch` puts other sets below the working
    // folder, where a copy of the configuration in configs/ would look for them.
    const bool is_elsewhere = from_file && source.is_shipped && !fs::exists(absolute);
    path = is_elsewhere ? absolute_path(path, here / "configs") : absolute;
  };
  make_absolute("data.path", resolved.config.data.path);
  std::string& cache = resolved.config.data.cache;
  if (cache != "auto" && cache != "none") make_absolute("data.cache", cache);
  std::string& features = resolved.config.train.features;
  if (features != "auto") make_absolute("train.features", features);
  std::string& init_from = resolved.config.train.init_from;
  if (init_from != "none") make_absolute("train.init_from", init_from);
  return resolved;
}

Config load_config(const fs::path& file, const std::vector<std::string>& set) {
  std::vector<Override> overrides;
  overrides.reserve(set.size());
  for (const std::string& text : set) overrides.push_back({"--set", text});
  return resolve_config(file, overrides).config;
}

Config parse_config(const std::string& yaml, const std::string& name) {
  Gatherer gatherer(ErrorKind::failure);
  gatherer.read_document(yaml, name);
  gatherer.check_conflicts();
  gatherer.throw_problems();
  return gatherer.resolved().config;
}

}  // namespace dcgan
