#include "config/resolve.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>
#include <system_error>

#include "base/text.h"
#include "config/config_file.h"
#include "config/fields.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;

// Names of keys -----------------------------------------------------------------------------------

std::string section_of(const std::string& key) {
  const auto dot = key.find('.');
  return dot == std::string::npos ? "" : key.substr(0, dot);
}

std::string name_of(const std::string& key) { return key.substr(key.find('.') + 1); }

bool is_section(const std::string& word) {
  const auto& fields = config_fields();
  return std::any_of(fields.begin(), fields.end(), [&](const Field& field) {
    return !word.empty() && section_of(field.key) == word;
  });
}

/// The first key of a section, as an example: "train.epochs".
std::string example_key(const std::string& section) {
  const auto& fields = config_fields();
  return std::find_if(fields.begin(), fields.end(),
                      [&](const Field& field) { return section_of(field.key) == section; })
      ->key;
}

std::vector<std::string> keys_named(const std::string& name) {
  std::vector<std::string> keys;
  for (const Field& field : config_fields()) {
    if (name_of(field.key) == name) keys.push_back(fmt::format("'{}'", field.key));
  }
  return keys;
}

/// "; did you mean ...?" for a key that does not exist: the right name in another section, or a
/// slip of the fingers in the name or the section.
std::string suggestion(const std::string& key) {
  const std::string name = name_of(key);
  const auto same_name = keys_named(name);
  if (!same_name.empty()) return fmt::format("; did you mean {}?", or_list(same_name));

  std::vector<std::string> names_here;
  std::vector<std::string> names;
  std::vector<std::string> sections;
  for (const Field& field : config_fields()) {
    const std::string section = section_of(field.key);
    names.push_back(name_of(field.key));
    if (section == section_of(key)) names_here.push_back(names.back());
    if (!section.empty()) sections.push_back(section);
  }
  if (const auto match = nearest_match(name, names_here)) {
    const std::string section = section_of(key);
    return fmt::format("; did you mean '{}{}{}'?", section, section.empty() ? "" : ".", *match);
  }
  if (section_of(key).empty()) {
    const std::string section = did_you_mean(key, sections);
    if (!section.empty()) return section;
  }
  if (const auto match = nearest_match(name, names)) {
    return fmt::format("; did you mean {}?", or_list(keys_named(*match)));
  }
  return "; 'dcgan config' lists all keys";
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

/// Notes where documents begin, and lets all else pass.
class DocumentStarts : public YAML::EventHandler {
 public:
  YAML::Mark last;

  void OnDocumentStart(const YAML::Mark& mark) override { last = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

/// YAML::Load reads the first document and ignores what follows; YAML::LoadAll does not end, and
/// takes all memory, where a document begins with a comma (0.7).
std::optional<YAML::Mark> find_second_document(const std::string& yaml) {
  std::istringstream stream(yaml);
  YAML::Parser parser(stream);
  DocumentStarts starts;
  for (int document = 0; document < 2; ++document) {
    if (!parser.HandleNextDocument(starts)) return std::nullopt;
  }
  return starts.last;
}

/// A value behind `--set`: as it stands, or YAML where it begins with a bracket or a quote.
std::optional<FieldValue> value_of_text(const std::string& text) {
  const FieldValue as_it_stands{false, {text}};
  if (text.empty() || std::string_view("['\"").find(text[0]) == std::string_view::npos) {
    return as_it_stands;
  }
  try {
    const YAML::Node node = YAML::Load(text);
    return find_second_document(text) ? as_it_stands : value_of(node);
  } catch (const YAML::Exception&) {
    return as_it_stands;  // a bracket or a quote that does not end: a path may have one
  }
}

fs::path working_folder() {
  std::error_code error;
  fs::path folder = fs::current_path(error);
  if (!error) return folder;
  throw usage_error(
      fmt::format("the working folder can't be found: {}; change to another one", error.message()));
}

bool is_there(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
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

/// A key of a map with its value; `where` is its file and line, for messages.
struct Entry {
  YAML::Node key;
  YAML::Node value;
  std::string where;
};

/// Gathers a configuration from its sources, and every problem on the way.
class Gatherer {
 public:
  Gatherer() {
    for (const Field& field : config_fields()) {
      resolved_.origins[field.key] = {Origin::Source::built_in, "default"};
    }
  }

  /// `name` stands in messages, with the line.
  void read_document(std::string_view yaml, const std::string& name);
  void apply(const Override& override_text);
  /// Checks that need more than one field, for those that are fine by themselves.
  void check_conflicts();

  void add_problem(const std::string& text) { problems_.push_back(text); }
  const std::vector<std::string>& problems() const { return problems_; }
  ResolvedConfig& resolved() { return resolved_; }

 private:
  void read_root(const YAML::Node& root, const std::string& name);
  std::vector<Entry> entries_of(const YAML::Node& map, const std::string& name);
  std::vector<YAML::Node> merged_maps(const YAML::Node& value, const std::string& where);
  void read_entry(const Entry& entry, const std::string& name);
  void read_section(const std::string& section, const YAML::Node& keys, const std::string& name);
  void read_key(const std::string& key, const Entry& entry);
  bool is_first(const std::string& key, const Entry& entry);
  void set(const Field& field, const FieldValue& value, const Origin& origin,
           const std::string& prefix);

  ResolvedConfig resolved_;
  std::vector<std::string> problems_;
  std::set<std::string> faulty_;         ///< keys with a value that was refused
  std::map<std::string, int> first_at_;  ///< line at which a key or a section was given
};

int line_of(const YAML::Mark& mark) { return mark.line + 1; }

std::string at_line(const std::string& name, const YAML::Node& node) {
  return fmt::format("{}:{}", name, line_of(node.Mark()));
}

/// Whether the line, the first being 0, begins with a tab or with blanks and a tab.
bool is_indented_by_tab(std::string_view yaml, int line) {
  for (; line > 0; --line) yaml.remove_prefix(std::min(yaml.find('\n'), yaml.size() - 1) + 1);
  return yaml.substr(0, yaml.find_first_not_of(" \t")).find('\t') != std::string_view::npos;
}

void Gatherer::read_document(std::string_view yaml, const std::string& name) {
  if (yaml.find('\0') != std::string_view::npos) {
    add_problem(fmt::format("{}: is not a text file; a configuration is YAML", name));
    return;
  }
  try {
    const std::string text(yaml);
    read_root(YAML::Load(text), name);
    if (const auto second = find_second_document(text)) {
      add_problem(fmt::format("{}:{}: a second YAML document begins here; leave one", name,
                              line_of(*second)));
    }
  } catch (const YAML::Exception& error) {
    const std::string where =
        error.mark.is_null() ? name : fmt::format("{}:{}", name, line_of(error.mark));
    if (!error.mark.is_null() && is_indented_by_tab(yaml, error.mark.line)) {
      add_problem(fmt::format("{}: a tab indents this line; YAML takes spaces only", where));
      return;
    }
    add_problem(fmt::format("{}: is not valid YAML: {}; check indentation, colons and quotes here",
                            where, printable(error.msg)));
  }
}

/// The maps that a merge key names: one, or a list of them.
std::vector<YAML::Node> Gatherer::merged_maps(const YAML::Node& value, const std::string& where) {
  std::vector<YAML::Node> maps;
  if (value.IsSequence()) {
    for (const YAML::Node& item : value) maps.push_back(item);
  } else {
    maps.push_back(value);
  }
  if (std::all_of(maps.begin(), maps.end(), [](const auto& map) { return map.IsMap(); })) {
    return maps;
  }
  add_problem(
      fmt::format("{}: '<<' takes keys from a section such as '*name' or a list of these", where));
  return {};
}

/// A map's own entries, then those that its merge keys bring (YAML 1.1): `<<: *name`, or a list, of
/// which the first map that has a key gives it.
std::vector<Entry> Gatherer::entries_of(const YAML::Node& map, const std::string& name) {
  std::vector<Entry> entries;
  std::set<std::string> taken;
  std::set<int> seen;  // by position: a map that merges itself, or many merges of one
  std::vector<std::pair<YAML::Node, std::string>> waiting{{map, ""}};
  while (!waiting.empty()) {
    const auto [next, by] = waiting.back();
    waiting.pop_back();
    if (!seen.insert(next.Mark().pos).second) continue;
    std::set<std::string> own;
    std::vector<std::pair<YAML::Node, std::string>> merged;
    for (const auto& entry : next) {
      const std::string where = at_line(name, entry.first) + by;
      const bool is_word = entry.first.IsScalar();
      if (is_word && entry.first.Scalar() == "<<") {
        const int line = line_of(entry.first.Mark());
        for (const YAML::Node& one : merged_maps(entry.second, where)) {
          merged.emplace_back(one, by.empty() ? fmt::format(" (<< in line {})", line) : by);
        }
      } else if (!is_word || !taken.contains(entry.first.Scalar())) {
        entries.push_back({entry.first, entry.second, where});
        if (is_word) own.insert(entry.first.Scalar());
      }
    }
    taken.merge(own);
    waiting.insert(waiting.end(), merged.rbegin(), merged.rend());
  }
  return entries;
}

void Gatherer::read_root(const YAML::Node& root, const std::string& name) {
  if (root.IsNull()) return;  // empty, or nothing but comments: all defaults
  if (!root.IsMap()) {
    const std::string found =
        root.IsSequence() ? "a list" : fmt::format("'{}'", printable(root.Scalar()));
    add_problem(fmt::format("{}: must hold sections such as 'train:' with keys below, not {}",
                            at_line(name, root), found));
    return;
  }
  for (const Entry& entry : entries_of(root, name)) read_entry(entry, name);
}

void Gatherer::read_entry(const Entry& entry, const std::string& name) {
  const std::string& where = entry.where;
  if (!entry.key.IsScalar()) {
    add_problem(fmt::format("{}: a key must be a word", where));
    return;
  }
  const std::string& word = entry.key.Scalar();
  if (is_section(word)) {
    if (!is_first(word, entry)) return;
    if (entry.value.IsMap()) {
      read_section(word, entry.value, name);
    } else if (!entry.value.IsNull()) {
      add_problem(fmt::format("{}: '{}' is a section: write keys such as '{}:' below it, indented",
                              where, word, name_of(example_key(word))));
    }
  } else if (find_field(word) != nullptr && !section_of(word).empty()) {
    add_problem(fmt::format("{}: write '{}' as '{}:', indented below '{}:'", where, word,
                            name_of(word), section_of(word)));
  } else {
    read_key(word, entry);
  }
}

void Gatherer::read_section(const std::string& section, const YAML::Node& keys,
                            const std::string& name) {
  for (const Entry& entry : entries_of(keys, name)) {
    if (!entry.key.IsScalar()) {
      add_problem(fmt::format("{}: a key must be a word", entry.where));
      continue;
    }
    read_key(section + "." + entry.key.Scalar(), entry);
  }
}

void Gatherer::read_key(const std::string& key, const Entry& entry) {
  const std::string& where = entry.where;
  const Field* const field = find_field(key);
  if (field == nullptr) {
    add_problem(fmt::format("{}: unknown key '{}'{}", where, printable(key), suggestion(key)));
    return;
  }
  if (!is_first(key, entry)) return;
  if (const auto value = value_of(entry.value)) {
    set(*field, *value, {Origin::Source::file, where}, fmt::format("{}: {} ", where, key));
    return;
  }
  faulty_.insert(key);
  add_problem(
      fmt::format("{}: {} must be a value or a list of values, nothing nested", where, key));
}

bool Gatherer::is_first(const std::string& key, const Entry& entry) {
  const auto [first, inserted] = first_at_.try_emplace(key, line_of(entry.key.Mark()));
  if (inserted) return true;
  add_problem(fmt::format("{}: '{}' is given twice; the first is in line {}", entry.where, key,
                          first->second));
  return false;
}

void Gatherer::set(const Field& field, const FieldValue& value, const Origin& origin,
                   const std::string& prefix) {
  const bool has_nul =
      std::any_of(value.items.begin(), value.items.end(),
                  [](const std::string& item) { return item.find('\0') != std::string::npos; });
  const std::string problem =
      has_nul ? "must not hold a NUL character" : field.set(resolved_.config, value);
  if (!problem.empty()) {
    faulty_.insert(field.key);
    add_problem(prefix + problem);
    return;
  }
  faulty_.erase(field.key);
  resolved_.origins[field.key] = origin;
}

void Gatherer::apply(const Override& override_text) {
  const std::string& flag = override_text.flag;
  const auto equals = override_text.text.find('=');
  const std::string key = trimmed(override_text.text.substr(0, equals));
  const Field* const field = find_field(key);
  if (field == nullptr && is_section(key)) {
    add_problem(fmt::format("{}: '{}' is a section; set one of its keys, such as {}=...", flag, key,
                            example_key(key)));
    return;
  }
  if (field == nullptr) {
    add_problem(fmt::format("{}: unknown key '{}'{}", flag, printable(key), suggestion(key)));
    return;
  }
  if (equals == std::string::npos) {
    add_problem(fmt::format("{0}: '{1}' has no value; write {1}=...", flag, key));
    return;
  }
  // A flag of its own ("--seed") needs no key beside it.
  const std::string prefix = flag == "--set" ? fmt::format("{}: {} ", flag, key) : flag + " ";
  const auto value = value_of_text(trimmed(override_text.text.substr(equals + 1)));
  if (value) {
    set(*field, *value, {Origin::Source::command_line, flag}, prefix);
    return;
  }
  faulty_.insert(key);
  add_problem(prefix + "must be a value or a list of values, nothing nested");
}

void Gatherer::check_conflicts() {
  for (const Conflict& conflict : find_conflicts(resolved_.config)) {
    const bool already_told = std::any_of(conflict.keys.begin(), conflict.keys.end(),
                                          [&](const auto& key) { return faulty_.contains(key); });
    if (already_told) continue;
    // Where to look: at the first key of those that were set last, on the command line above all.
    const auto blamed = std::max_element(
        conflict.keys.begin(), conflict.keys.end(), [&](const auto& a, const auto& b) {
          return resolved_.origins[a].source < resolved_.origins[b].source;
        });
    add_problem(resolved_.origins[*blamed].text + ": " + conflict.message);
  }
}

std::string joined_problems(const Gatherer& gatherer) {
  return fmt::format("{}", fmt::join(gatherer.problems(), "\n"));
}

}  // namespace

ResolvedConfig resolve_config(const std::optional<fs::path>& file,
                              const std::vector<Override>& overrides, const fs::path& shipped) {
  Gatherer gatherer;
  ConfigFile source;
  if (file) {
    try {
      source = read_config_file(*file, shipped);
      gatherer.read_document(source.text, source.path.string());
    } catch (const Error& error) {
      gatherer.add_problem(error.what());
    }
  }
  for (const Override& one : overrides) gatherer.apply(one);
  gatherer.check_conflicts();
  if (!gatherer.problems().empty()) throw usage_error(joined_problems(gatherer));

  ResolvedConfig& resolved = gatherer.resolved();
  if (!source.is_stream) resolved.file = source.path;
  const auto make_absolute = [&](const std::string& key, std::string& path) {
    const bool from_file = resolved.origins[key].source == Origin::Source::file;
    const fs::path here = working_folder();
    const fs::path base =
        from_file && !source.is_stream ? (here / source.path).parent_path() : here;
    std::optional<std::string> absolute = absolute_path(path, base);
    // An installation brings MNIST only: `dcgan data fetch` puts other sets below the working
    // folder, where a copy of the configuration in configs/ would look for them.
    if (absolute && from_file && source.is_shipped && !is_there(*absolute)) {
      absolute = absolute_path(path, here / "configs");
    }
    if (!absolute) {
      gatherer.add_problem(fmt::format(
          "{}: {} '{}': HOME names no folder that '~' could stand for; write the path in full",
          resolved.origins[key].text, key, printable(path)));
      return;
    }
    path = *absolute;
  };
  make_absolute("data.path", resolved.config.data.path);
  std::string& cache = resolved.config.data.cache;
  if (cache != "auto" && cache != "none") make_absolute("data.cache", cache);
  if (resolved.config.train.features != "auto") {
    make_absolute("train.features", resolved.config.train.features);
  }
  if (!gatherer.problems().empty()) throw usage_error(joined_problems(gatherer));
  return resolved;
}

Config parse_config(std::string_view yaml, const std::string& name) {
  Gatherer gatherer;
  gatherer.read_document(yaml, name);
  gatherer.check_conflicts();
  if (!gatherer.problems().empty()) throw failure(joined_problems(gatherer));
  return gatherer.resolved().config;
}

}  // namespace dcgan
