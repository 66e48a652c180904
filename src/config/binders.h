// One function for each kind of configuration field: integers, numbers, words, lists. Each makes
// the table's row, which knows how to read, check and write the field.
//
// `access` returns a reference to the field in a configuration, const or not.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/fields.h"

namespace dcgan::binders {

/// `names`: the words of an enum, in its order.
template <typename Enum>
struct Words;

template <typename Enum>
std::string word_of(Enum value) {
  return Words<Enum>::names.at(static_cast<std::size_t>(value));
}

/// "must be <what>, not 'abc'".
inline std::string must_be(const std::string& what, const FieldValue& value) {
  if (value.is_list) return fmt::format("must be {}, not a list", what);
  if (value.items[0].empty()) return fmt::format("must be {}; it has no value", what);
  return fmt::format("must be {}, not '{}'", what, printable(value.items[0]));
}

inline std::string must_be_list(const std::string& what, const FieldValue& value) {
  if (value.is_list) {
    const std::string items = fmt::format("[{}]", fmt::join(value.items, ", "));
    return fmt::format("must be {}, not {}", what, printable(items));
  }
  return must_be(what, value);
}

struct IntegerRange {
  std::int64_t min;
  std::int64_t max;

  std::string text() const { return fmt::format("{} to {}", min, max); }
  std::optional<std::int64_t> parse(const std::string& item) const {
    const auto number = parse_integer(item);
    return number && *number >= min && *number <= max ? number : std::nullopt;
  }
};

struct RealRange {
  double min;
  double max;
  bool without_min = false;
  bool without_max = false;

  std::string text() const {
    return fmt::format("{}{} {}{}", without_min ? "more than " : "from ", format_real(min),
                       without_min   ? "and at most "
                       : without_max ? "to less than "
                                     : "to ",
                       format_real(max));
  }
  std::optional<double> parse(const std::string& item) const {
    const auto number = parse_real(item);
    if (!number || *number < min || *number > max) return std::nullopt;
    if ((without_min && *number == min) || (without_max && *number == max)) return std::nullopt;
    return number;
  }
};

template <typename Access>
Field integer(const std::string& key, IntegerRange range, ResumeRule resume, Access access,
              const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const auto number = value.is_list ? std::nullopt : range.parse(value.items[0]);
    if (!number) {
      return must_be(fmt::format("an integer from {} to {}", range.min, range.max), value);
    }
    access(config) = *number;
    return "";
  };
  const auto get = [=](const Config& config) { return std::to_string(access(config)); };
  return {key, "integer", range.text(), meaning, resume, set, get};
}

template <typename Access>
Field number(const std::string& key, RealRange range, ResumeRule resume, Access access,
             const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const auto real = value.is_list ? std::nullopt : range.parse(value.items[0]);
    if (!real) return must_be("a number " + range.text(), value);
    access(config) = *real;
    return "";
  };
  const auto get = [=](const Config& config) { return format_real(access(config)); };
  return {key, "number", range.text(), meaning, resume, set, get};
}

template <typename Access>
Field yes_or_no(const std::string& key, ResumeRule resume, Access access,
                const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const bool yes = !value.is_list && value.items[0] == "true";
    const bool no = !value.is_list && value.items[0] == "false";
    if (!yes && !no) return must_be("true or false", value);
    access(config) = yes;
    return "";
  };
  const auto get = [=](const Config& config) { return access(config) ? "true" : "false"; };
  return {key, "true | false", "", meaning, resume, set, get};
}

template <typename Access>
Field choice(const std::string& key, ResumeRule resume, Access access, const std::string& meaning) {
  using Enum = std::decay_t<decltype(access(std::declval<Config&>()))>;
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const auto& names = Words<Enum>::names;
    const auto found =
        std::find(names.begin(), names.end(), value.items.empty() ? "" : value.items[0]);
    if (value.is_list || found == names.end()) {
      const std::string hint = value.is_list ? "" : did_you_mean(value.items[0], names);
      return must_be(or_list(names), value) + hint;
    }
    access(config) = static_cast<Enum>(found - names.begin());
    return "";
  };
  const auto get = [=](const Config& config) { return word_of(access(config)); };
  const std::string type = fmt::format("{}", fmt::join(Words<Enum>::names, " | "));
  return {key, type, "", meaning, resume, set, get};
}

template <typename List>
std::string flow_list(const List& list) {
  return fmt::format("[{}]", fmt::join(list, ", "));
}

/// The integers of a list, or nothing where one is none or out of range.
inline std::optional<std::vector<std::int64_t>> parse_list(const FieldValue& value,
                                                           IntegerRange each) {
  if (!value.is_list) return std::nullopt;
  std::vector<std::int64_t> numbers;
  for (const std::string& item : value.items) {
    const auto parsed = each.parse(item);
    if (!parsed) return std::nullopt;
    numbers.push_back(*parsed);
  }
  return numbers;
}

template <typename Access>
Field extent(const std::string& key, IntegerRange each, ResumeRule resume, Access access,
             const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const auto numbers = parse_list(value, each);
    if (!numbers || numbers->size() != 2) {
      const std::string what =
          fmt::format("[height, width], two integers from {} to {}", each.min, each.max);
      return must_be_list(what, value);
    }
    access(config) = {(*numbers)[0], (*numbers)[1]};
    return "";
  };
  const auto get = [=](const Config& config) { return flow_list(access(config)); };
  return {key, "[height, width]", "each " + each.text(), meaning, resume, set, get};
}

template <typename Access>
Field integers(const std::string& key, std::size_t most, IntegerRange each, ResumeRule resume,
               Access access, const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const auto numbers = parse_list(value, each);
    if (!numbers || numbers->empty() || numbers->size() > most) {
      const std::string what =
          fmt::format("a list of 1 to {} integers from {} to {}", most, each.min, each.max);
      return must_be_list(what, value);
    }
    access(config) = *numbers;
    return "";
  };
  const auto get = [=](const Config& config) { return flow_list(access(config)); };
  return {key,
          "list of integers",
          fmt::format("1 to {} of them, each {}", most, each.text()),
          meaning,
          resume,
          set,
          get};
}

/// A text that `is_valid` accepts; `what` says which.
template <typename Access, typename Predicate>
Field text(const std::string& key, const std::string& type, const std::string& what,
           Predicate is_valid, ResumeRule resume, Access access, const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    if (value.is_list || !is_valid(value.items[0])) return must_be(what, value);
    access(config) = value.items[0];
    return "";
  };
  const auto get = [=](const Config& config) { return yaml_scalar(access(config)); };
  return {key, type, "", meaning, resume, set, get};
}

/// A colour by its number, "#ff8000", or "black" or "white".
inline std::optional<Color> parse_color(const std::string& text) {
  if (text == "black") return Color{0, 0, 0};
  if (text == "white") return Color{255, 255, 255};
  constexpr std::size_t kLength = 7;
  const bool hex = text.size() == kLength && text[0] == '#' &&
                   text.find_first_not_of("0123456789abcdefABCDEF", 1) == std::string::npos;
  if (!hex) return std::nullopt;
  const unsigned long number = std::stoul(text.substr(1), nullptr, 16);
  return Color{static_cast<std::uint8_t>(number >> 16U), static_cast<std::uint8_t>(number >> 8U),
               static_cast<std::uint8_t>(number)};
}

template <typename Access>
Field color(const std::string& key, ResumeRule resume, Access access, const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const auto parsed = value.is_list ? std::nullopt : parse_color(value.items[0]);
    if (!parsed) return must_be("black, white or a quoted \"#rrggbb\"", value);
    access(config) = *parsed;
    return "";
  };
  const auto get = [=](const Config& config) -> std::string {
    const Color& c = access(config);
    if (c == Color{0, 0, 0}) return "black";
    if (c == Color{255, 255, 255}) return "white";
    return fmt::format("\"#{:02x}{:02x}{:02x}\"", c[0], c[1], c[2]);
  };
  return {key, "black | white | \"#rrggbb\"", "", meaning, resume, set, get};
}

/// 1 or 3: what both the pictures and the networks can have.
template <typename Access>
Field channel_count(const std::string& key, ResumeRule resume, Access access,
                    const std::string& meaning) {
  const auto set = [=](Config& config, const FieldValue& value) -> std::string {
    const auto count = value.is_list ? std::nullopt : parse_integer(value.items[0]);
    if (count != 1 && count != 3) return must_be("1 or 3", value);
    access(config) = *count;
    return "";
  };
  const auto get = [=](const Config& config) { return std::to_string(access(config)); };
  return {key, "1 | 3", "", meaning, resume, set, get};
}

}  // namespace dcgan::binders
