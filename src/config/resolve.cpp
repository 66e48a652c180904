#include "config/resolve.h"

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <system_error>

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

std::vector<std::string> keys_named(const std::string& name) {
  std::vector<std::string> keys;
  for (const Field& field : config_fields()) {
    if (field.name() == name) keys.push_back(field.key);
  }
  return keys;
}

/// For a key that does not exist: the right name in another section, or a slip of the fingers in
/// the name or the section.
std::string remedy_for_key(const std::string& key) {
  const std::string name = name_of(key);
  const std::string section = section_of(key);
  std::vector<std::string> here;
  std::vector<std::string> elsewhere;
  std::vector<std::string> sections;
  for (const Field& field : config_fields()) {
    (field.section() == section ? here : elsewhere).push_back(field.name());
    if (first_of(field.section()) == &field) sections.push_back(field.section());
  }
  std::vector<std::string> meant = keys_named(name);
  if (meant.empty()) {
    if (const auto near = nearest_match(name, here)) {
      meant = {section.empty() ? *near : section + '.' + *near};
    } else if (const auto other = nearest_match(section.empty() ? key : "", sections)) {
      meant = {*other};
    } else if (const auto there = nearest_match(name, elsewhere)) {
      meant = keys_named(*there);
    }
  }
  if (meant.empty()) return "'dcgan config' lists all keys";
  for (std::string& one : meant) one = fmt::format("'{}'", one);
  return fmt::format("did you mean {}?", or_list(meant));
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

/// "~/x" in the user's home, and nothing where there is none; otherwise relative to `base`. No
/// trailing slash, no "..".
std::optional<std::string> absolute_path(const std::string& text, const fs::path& base) {
  fs::path path = text;
  if (text == "~" || text.starts_with("~/")) {
    const char* const home = std::getenv("HOME");
    if (home == nullptr || *home != '/') return std::nullopt;
    path = fs::path(home) / text.substr(std::min<std::size_t>(2, text.size()));
  }
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

/// Whether the line, the first being 0, begins with a tab or with blanks and a tab.
bool is_indented_by_tab(std::string_view yaml, int line) {
  for (; line > 0; --line) yaml.remove_prefix(std::min(yaml.find('\n'), yaml.size() - 1) + 1);
  return yaml.substr(0, yaml.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

/// Gathers a configuration from its sources, and every problem on the way.
class Gatherer {
 public:
  /// `kind`: of the problems.
  explicit Gatherer(ErrorKind kind) : kind_(kind) {
    for (const Field& field : config_fields()) resolved_.origins[field.key] = {};
  }

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
        // Marks count lines from 0, so that this is the line before: that of ---.
        add(std::max(documents[1].Mark().line, 0), "a second YAML document begins here")
            .remedy("leave one");
      }
    } catch (const YAML::Exception& error) {
      const int line = error.mark.is_null() ? 0 : error.mark.line + 1;
      if (line > 0 && is_indented_by_tab(yaml, error.mark.line)) {
        add(line, "a tab indents this line").remedy("YAML takes spaces only");
      } else {
        add(line, "is not valid YAML: " + printable(error.msg))
            .remedy("check indentation, colons and quotes here");
      }
    }
  }

  void apply(const Override& override_text) {
    const std::string& flag = override_text.flag;
    const auto equals = override_text.text.find('=');
    const std::string key = trimmed(override_text.text.substr(0, equals));
    const Field* const field = find_field(key);
    const auto refuse = [&](const std::string& text, const std::string& remedy) {
      add(Error(kind_, text).in(flag).remedy(remedy));
    };
    if (field != nullptr && equals != std::string::npos) {
      set(*field, value_of_text(trimmed(override_text.text.substr(equals + 1))),
          {Origin::Source::command_line, flag});
    } else if (field != nullptr) {
      refuse(fmt::format("'{}' has no value", key), fmt::format("write {}=...", key));
    } else if (const Field* const example = first_of(key)) {
      refuse(fmt::format("'{}' is a section", key),
             fmt::format("set one of its keys, such as {}=...", example->key));
    } else {
      refuse(fmt::format("unknown key '{}'", printable(key)), remedy_for_key(key));
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
  /// of which the first map that has a key gives it. `taken`: the keys so far. `seen`: maps by
  /// position, since one may merge itself.
  void add_entries(const YAML::Node& map, std::vector<Entry>& entries, std::set<std::string>& taken,
                   std::set<int>& seen) {
    if (!seen.insert(map.Mark().pos).second) return;
    std::set<std::string> own;
    std::vector<YAML::Node> merged;
    for (const auto& entry : map) {
      const std::string word = entry.first.IsScalar() ? entry.first.Scalar() : "";
      if (!entry.first.IsScalar()) {
        add(line_of(entry.first), "a key must be a word");
      } else if (word != "<<") {
        if (!taken.contains(word)) entries.push_back({entry.first, entry.second});
        own.insert(word);
      } else {
        std::vector<YAML::Node> maps;
        for (const YAML::Node& one : entry.second) {
          if (entry.second.IsSequence()) maps.push_back(one);
        }
        if (!entry.second.IsSequence()) maps.push_back(entry.second);
        if (std::all_of(maps.begin(), maps.end(), [](const auto& one) { return one.IsMap(); })) {
          merged.insert(merged.end(), maps.begin(), maps.end());
        } else {
          add(line_of(entry.first),
              "'<<' takes keys from a section such as '*name' or a list of these");
        }
      }
    }
    taken.merge(own);
    for (const YAML::Node& one : merged) add_entries(one, entries, taken, seen);
  }

  std::vector<Entry> entries_of(const YAML::Node& map) {
    std::vector<Entry> entries;
    std::set<std::string> taken;
    std::set<int> seen;
    add_entries(map, entries, taken, seen);
    return entries;
  }

  void read_root(const YAML::Node& root) {
    if (root.IsNull()) return;  // empty, or nothing but comments: all defaults
    if (!root.IsMap()) {
      const std::string found =
          root.IsSequence() ? "a list" : fmt::format("'{}'", printable(root.Scalar()));
      add(line_of(root), "must hold sections such as 'train:' with keys below, not " + found);
      return;
    }
    for (const Entry& entry : entries_of(root)) {
      const std::string& word = entry.key.Scalar();
      if (first_of(word) != nullptr) {
        read_section(word, entry);
      } else if (find_field(word) != nullptr && !section_of(word).empty()) {
        add(line_of(entry.key), fmt::format("write '{}' as '{}:', indented below '{}:'", word,
                                            name_of(word), section_of(word)));
      } else {
        read_key(word, entry);
      }
    }
  }

  void read_section(const std::string& word, const Entry& entry) {
    if (!is_first(word, entry)) return;
    if (entry.value.IsMap()) {
      for (const Entry& inner : entries_of(entry.value)) {
        read_key(word + "." + inner.key.Scalar(), inner);
      }
    } else if (!entry.value.IsNull()) {
      add(line_of(entry.key), fmt::format("'{}' is a section: write keys such as '{}:' below it, "
                                          "indented",
                                          word, first_of(word)->name()));
    }
  }

  void read_key(const std::string& key, const Entry& entry) {
    const int line = line_of(entry.key);
    const Field* const field = find_field(key);
    if (field == nullptr) {
      add(line, fmt::format("unknown key '{}'", printable(key))).remedy(remedy_for_key(key));
    } else if (is_first(key, entry)) {
      set(*field, value_of(entry.value), {Origin::Source::file, document_, line});
    }
  }

  bool is_first(const std::string& key, const Entry& entry) {
    const int line = line_of(entry.key);
    const auto [first, inserted] = first_at_.try_emplace(key, line);
    if (inserted) return true;
    add(line, fmt::format("'{}' is given twice; the first is in line {}", key, first->second))
        .key(key);
    return false;
  }

  void set(const Field& field, const std::optional<FieldValue>& value, const Origin& origin) {
    const auto has_nul = [](const std::string& item) {
      return item.find('\0') != std::string::npos;
    };
    std::optional<Problem> problem;
    if (!value) {
      problem = {"must be a value or a list of values, nothing nested", ""};
    } else if (std::any_of(value->items.begin(), value->items.end(), has_nul)) {
      problem = {"must not hold a NUL character", ""};
    } else {
      problem = field.set(resolved_.config, *value);
    }
    if (!problem) {
      faulty_.erase(field.key);
      resolved_.origins[field.key] = origin;
      return;
    }
    faulty_.insert(field.key);
    // A flag of its own ("--seed") needs no key beside it.
    const bool is_own_flag =
        origin.source == Origin::Source::command_line && origin.where != "--set";
    Error error(kind_, fmt::format("{} {}", is_own_flag ? origin.where : field.key, problem->text));
    if (!is_own_flag) error.in(origin.where, origin.line);
    add(error.key(field.key).remedy(problem->remedy));
  }

  ErrorKind kind_;
  std::string document_;  ///< its name, for messages
  ResolvedConfig resolved_;
  std::vector<Error> problems_;
  std::set<std::string> faulty_;         ///< keys with a value that was refused
  std::map<std::string, int> first_at_;  ///< line at which a key or a section was given
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
  std::error_code error;
  const fs::path here = fs::current_path(error);
  if (error) {
    throw usage_error("the working folder can't be found: " + error.message())
        .remedy("change to another one");
  }
  const auto make_absolute = [&](const std::string& key, std::string& path) {
    const Origin& origin = resolved.origins[key];
    const bool from_file = origin.source == Origin::Source::file;
    const fs::path base =
        from_file && !source.is_stream ? (here / source.path).parent_path() : here;
    std::optional<std::string> absolute = absolute_path(path, base);
    // An installation brings MNIST only: `dcgan data fetch` puts other sets below the working
    // folder, where a copy of the configuration in configs/ would look for them.
    if (absolute && from_file && source.is_shipped && !fs::exists(*absolute, error)) {
      absolute = absolute_path(path, here / "configs");
    }
    if (absolute) {
      path = *absolute;
      return;
    }
    gatherer.add(usage_error(fmt::format("{} '{}': HOME names no folder that '~' could stand for",
                                         key, printable(path)))
                     .in(origin.where, origin.line)
                     .key(key)
                     .remedy("write the path in full"));
  };
  make_absolute("data.path", resolved.config.data.path);
  std::string& cache = resolved.config.data.cache;
  if (cache != "auto" && cache != "none") make_absolute("data.cache", cache);
  std::string& features = resolved.config.train.features;
  if (features != "auto") make_absolute("train.features", features);
  gatherer.throw_problems();
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
