#include "dcgan/config/resolve.h"

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <cstdlib>
#include <set>
#include <sstream>
#include <system_error>

#include "dcgan/base/error.h"
#include "dcgan/base/file.h"
#include "dcgan/base/text.h"
#include "dcgan/config/fields.h"

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
  void read_entry(const YAML::Node& key, const YAML::Node& value, const std::string& name);
  void read_section(const std::string& section, const YAML::Node& keys, const std::string& name);
  void read_key(const std::string& key, const YAML::Node& key_node, const YAML::Node& value,
                const std::string& name);
  bool is_first(const std::string& key, const YAML::Node& node, const std::string& name);
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
    add_problem(fmt::format("{}: is not valid YAML: {}; check indentation, colons and quotes here",
                            where, printable(error.msg)));
  }
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
  for (const auto& entry : root) read_entry(entry.first, entry.second, name);
}

void Gatherer::read_entry(const YAML::Node& key, const YAML::Node& value, const std::string& name) {
  const std::string where = at_line(name, key);
  if (!key.IsScalar()) {
    add_problem(fmt::format("{}: a key must be a word", where));
    return;
  }
  const std::string& word = key.Scalar();
  if (is_section(word)) {
    if (!is_first(word, key, name)) return;
    if (value.IsMap()) {
      read_section(word, value, name);
    } else if (!value.IsNull()) {
      add_problem(fmt::format("{}: '{}' is a section: write keys such as '{}:' below it, indented",
                              where, word, name_of(example_key(word))));
    }
  } else if (find_field(word) != nullptr && !section_of(word).empty()) {
    add_problem(fmt::format("{}: write '{}' as '{}:', indented below '{}:'", where, word,
                            name_of(word), section_of(word)));
  } else {
    read_key(word, key, value, name);
  }
}

void Gatherer::read_section(const std::string& section, const YAML::Node& keys,
                            const std::string& name) {
  for (const auto& entry : keys) {
    if (!entry.first.IsScalar()) {
      add_problem(fmt::format("{}: a key must be a word", at_line(name, entry.first)));
      continue;
    }
    read_key(section + "." + entry.first.Scalar(), entry.first, entry.second, name);
  }
}

void Gatherer::read_key(const std::string& key, const YAML::Node& key_node,
                        const YAML::Node& value_node, const std::string& name) {
  const std::string where = at_line(name, key_node);
  const Field* const field = find_field(key);
  if (field == nullptr) {
    add_problem(fmt::format("{}: unknown key '{}'{}", where, printable(key), suggestion(key)));
    return;
  }
  if (!is_first(key, key_node, name)) return;
  if (const auto value = value_of(value_node)) {
    set(*field, *value, {Origin::Source::file, where}, fmt::format("{}: {} ", where, key));
    return;
  }
  faulty_.insert(key);
  add_problem(
      fmt::format("{}: {} must be a value or a list of values, nothing nested", where, key));
}

bool Gatherer::is_first(const std::string& key, const YAML::Node& node, const std::string& name) {
  const auto [first, inserted] = first_at_.try_emplace(key, line_of(node.Mark()));
  if (inserted) return true;
  add_problem(fmt::format("{}: '{}' is given twice; the first is in line {}", at_line(name, node),
                          key, first->second));
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

// Files -------------------------------------------------------------------------------------------

std::string suggest_file(const fs::path& file) {
  const fs::path folder = file.has_parent_path() ? file.parent_path() : ".";
  std::vector<std::string> candidates;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    const std::string extension = entry->path().extension().string();
    if (extension == ".yaml" || extension == ".yml") {
      candidates.push_back((file.parent_path() / entry->path().filename()).string());
    }
  }
  std::sort(candidates.begin(), candidates.end());
  return did_you_mean(file.string(), candidates);
}

/// The text of a configuration file; a wrong path is a wrong command line.
std::string read_config_file(const fs::path& file) {
  constexpr std::uintmax_t kMost = 1 << 20;
  std::error_code error;
  const fs::file_status status = fs::status(file, error);
  if (status.type() == fs::file_type::not_found) {
    throw usage_error(fmt::format("{}: no such file{}", file.string(), suggest_file(file)));
  }
  if (fs::is_regular_file(status) && fs::file_size(file, error) > kMost && !error) {
    throw usage_error(
        fmt::format("{}: is too large for a configuration, which is YAML", file.string()));
  }
  try {
    return read_file(file);
  } catch (const Error& problem) {
    throw usage_error(problem.what());
  }
}

std::string joined_problems(const Gatherer& gatherer) {
  return fmt::format("{}", fmt::join(gatherer.problems(), "\n"));
}

}  // namespace

ResolvedConfig resolve_config(const std::optional<fs::path>& file,
                              const std::vector<Override>& overrides) {
  Gatherer gatherer;
  if (file) {
    try {
      gatherer.read_document(read_config_file(*file), file->string());
    } catch (const Error& error) {
      gatherer.add_problem(error.what());
    }
  }
  for (const Override& one : overrides) gatherer.apply(one);
  gatherer.check_conflicts();
  if (!gatherer.problems().empty()) throw usage_error(joined_problems(gatherer));

  ResolvedConfig& resolved = gatherer.resolved();
  const auto make_absolute = [&](const std::string& key, std::string& path) {
    const bool from_file = resolved.origins[key].source == Origin::Source::file;
    const fs::path base = from_file ? (working_folder() / *file).parent_path() : working_folder();
    const std::optional<std::string> absolute = absolute_path(path, base);
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
