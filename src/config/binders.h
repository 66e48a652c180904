// One function for each kind of configuration field: integers, numbers, words, lists. Each makes
// the table's row, which knows how to read, check and write the field.
//
// `access` returns a reference to the field in a configuration, const or not.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"
#include "config/fields.h"

namespace dcgan::binders {

/// within(&Config::data)(&DataConfig::path) is the access to Config's data.path.
template <typename Section>
constexpr auto within(Section Config::*section) {
  return [section](auto member) {
    return [ section, member ](auto& config) -> auto& { return config.*section.*member; };
  };
}

inline constexpr const char* kAutoWord = "auto";

struct IntegerRange {
  std::int64_t min;
  std::int64_t max;
  bool or_auto = false;  ///< kAuto, too

  std::string text() const {
    return fmt::format("{} to {}{}", min, max, or_auto ? ", or auto" : "");
  }
  std::optional<std::int64_t> parse(const std::string& item) const {
    if (or_auto && item == kAutoWord) return kAuto;
    const auto number = parse_integer(item);
    return number && *number >= min && *number <= max ? number : std::nullopt;
  }
};

struct RealRange {
  double min;
  double max;
  bool without_min = false;
  bool without_max = false;
  bool or_auto = false;  ///< kAuto, too

  std::string text() const {
    return fmt::format("{}{} {}{}{}", without_min ? "more than " : "from ", format_real(min),
                       without_min   ? "and at most "
                       : without_max ? "to less than "
                                     : "to ",
                       format_real(max), or_auto ? ", or auto" : "");
  }
  std::optional<double> parse(const std::string& item) const {
    if (or_auto && item == kAutoWord) return static_cast<double>(kAuto);
    const auto number = parse_real(item);
    if (!number || *number < min || *number > max) return std::nullopt;
    if ((without_min && *number == min) || (without_max && *number == max)) return std::nullopt;
    return number;
  }
};

/// `row` with its two functions. `parse` gives nothing for a value that is not `what`, of which one
/// of `words` may have been meant.
template <typename Access, typename Parse, typename Print>
Field bind(Field row, const std::string& what, Access access, Parse parse, Print print,
           const std::vector<std::string>& words = {}) {
  row.set = [=](Config& config, const FieldValue& value) -> std::optional<Problem> {
    const auto parsed = parse(value);
    if (parsed) {
      access(config) = *parsed;
      return std::nullopt;
    }
    const std::string given =
        value.is_list ? fmt::format("[{}]", fmt::join(value.items, ", ")) : value.items[0];
    return Problem{fmt::format("must be {}, not '{}'", what, printable(given)),
                   did_you_mean(given, words)};
  };
  row.get = [=](const Config& config) -> std::string { return print(access(config)); };
  return row;
}

/// The same of a single value: `parse` takes its text.
template <typename Access, typename Parse, typename Print>
Field bind_scalar(Field row, const std::string& what, Access access, Parse parse, Print print,
                  const std::vector<std::string>& words = {}) {
  const auto parse_value = [=](const FieldValue& value) {
    return value.is_list ? decltype(parse(""))() : parse(value.items[0]);
  };
  return bind(std::move(row), what, access, parse_value, print, words);
}

template <typename Access>
Field integer(const std::string& key, IntegerRange range, ResumeRule resume, Access access,
              const std::string& meaning) {
  return bind_scalar(
      {key, "integer", range.text(), meaning, resume}, "an integer from " + range.text(), access,
      [=](const std::string& text) { return range.parse(text); },
      [=](std::int64_t value) {
        return range.or_auto && value == kAuto ? kAutoWord : std::to_string(value);
      });
}

template <typename Access>
Field number(const std::string& key, RealRange range, ResumeRule resume, Access access,
             const std::string& meaning) {
  return bind_scalar(
      {key, "number", range.text(), meaning, resume}, "a number " + range.text(), access,
      [=](const std::string& text) { return range.parse(text); },
      [=](double value) {
        return range.or_auto && value == kAuto ? kAutoWord : format_real(value);
      });
}

template <typename Access>
Field choice(const std::string& key, ResumeRule resume, Access access, const std::string& meaning) {
  using Enum = std::decay_t<decltype(access(std::declval<Config&>()))>;
  const std::vector<std::string> words(kWords<Enum>.begin(), kWords<Enum>.end());
  return bind_scalar(
      {key, fmt::format("{}", fmt::join(words, " | ")), "", meaning, resume}, or_list(words),
      access,
      [=](const std::string& text) -> std::optional<Enum> {
        const auto found = std::find(words.begin(), words.end(), text);
        if (found == words.end()) return std::nullopt;
        return static_cast<Enum>(found - words.begin());
      },
      [](Enum value) { return to_string(value); }, words);
}

/// `min` to `max` integers: `type` for documents, `what` for messages, both but for their range.
template <typename Access>
Field integers(const std::string& key, const std::string& type, const std::string& count,
               const std::string& what, std::size_t min, std::size_t max, IntegerRange each,
               ResumeRule resume, Access access, const std::string& meaning) {
  using List = std::decay_t<decltype(access(std::declval<Config&>()))>;
  return bind(
      {key, type, count + "each " + each.text(), meaning, resume},
      fmt::format("{} integers from {}", what, each.text()), access,
      [=](const FieldValue& value) -> std::optional<List> {
        if (!value.is_list || value.items.size() < min || value.items.size() > max) return {};
        List list{};
        for (std::size_t i = 0; i < value.items.size(); ++i) {
          const auto parsed = each.parse(value.items[i]);
          if (!parsed) return std::nullopt;
          if constexpr (requires { list.push_back(0); })
            list.push_back(*parsed);
          else
            list.at(i) = *parsed;
        }
        return list;
      },
      [](const List& list) { return fmt::format("[{}]", fmt::join(list, ", ")); });
}

inline bool is_not_empty(const std::string& text) { return !text.empty(); }

/// A text that `is_valid` accepts; `what` says which.
template <typename Access>
Field text(const std::string& key, const std::string& type, const std::string& what,
           ResumeRule resume, Access access, const std::string& meaning,
           bool (*is_valid)(const std::string&) = is_not_empty) {
  return bind_scalar(
      {key, type, "", meaning, resume}, what, access,
      [=](const std::string& text) { return is_valid(text) ? std::optional(text) : std::nullopt; },
      yaml_scalar);
}

/// A list of texts, or one by itself.
template <typename Access>
Field texts(const std::string& key, const std::string& type, const std::string& what,
            ResumeRule resume, Access access, const std::string& meaning) {
  return bind(
      {key, type, "", meaning, resume}, what, access,
      [](const FieldValue& value) -> std::optional<std::vector<std::string>> {
        if (!std::all_of(value.items.begin(), value.items.end(), is_not_empty)) return {};
        return value.items;
      },
      [](const std::vector<std::string>& items) {
        std::vector<std::string> scalars;
        for (const std::string& item : items) scalars.push_back(yaml_scalar(item));
        return fmt::format("[{}]", fmt::join(scalars, ", "));
      });
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
  return bind_scalar({key, "black | white | \"#rrggbb\"", "", meaning, resume},
                     "black, white or a quoted \"#rrggbb\"", access, parse_color,
                     [](const Color& c) -> std::string {
                       if (c == Color{0, 0, 0}) return "black";
                       if (c == Color{255, 255, 255}) return "white";
                       return fmt::format("\"#{:02x}{:02x}{:02x}\"", c[0], c[1], c[2]);
                     });
}

/// 1 or 3: what both the pictures and the networks can have.
template <typename Access>
Field channel_count(const std::string& key, ResumeRule resume, Access access,
                    const std::string& meaning) {
  return bind_scalar(
      {key, "1 | 3", "", meaning, resume}, "1 or 3", access,
      [](const std::string& text) {
        const auto count = parse_integer(text);
        return count == 1 || count == 3 ? count : std::nullopt;
      },
      [](std::int64_t value) { return std::to_string(value); });
}

}  // namespace dcgan::binders
