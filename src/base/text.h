// Words and numbers for people.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace dcgan {

/// An error's remedy: "did you mean 'x'?" for the candidate nearest to `word` by
/// Damerau-Levenshtein distance, if it is near enough to be a slip of the fingers (at most a third
/// of the word's length, and at least one edit is allowed); else `otherwise`.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates,
                         const std::string& otherwise = "");

/// "a", "a or b", "a, b or c".
std::string or_list(const std::vector<std::string>& words);

/// What a user gave, fit to stand in a message: control characters become '?', and text of more
/// than 60 bytes is cut and ends in "...".
std::string printable(std::string_view text);

/// `text` with '?' for every control character but line ends: a file's name may hold any, and a
/// terminal obeys them.
std::string without_controls(std::string text);

/// Class `index` of a data set: its name in `names`, or its number where they have none for it.
std::string class_name(const std::vector<std::string>& names, std::size_t index);

/// `text` without the spaces, tabs and line ends around it.
std::string trimmed(std::string_view text);

/// What stands between the commas of "a, b,c", each trimmed; one empty word for "".
std::vector<std::string> comma_separated(const std::string& text);

/// The whole of `text` as a number; nothing else but a sign may stand before it. `parse_real` takes
/// any finite number ("2e-4", "1", ".5"); `parse_integer` a decimal integer that fits 64 bits.
std::optional<std::int64_t> parse_integer(std::string_view text);
std::optional<double> parse_real(std::string_view text);

/// The shortest decimal that reads back as the same double: 0.0002 -> "0.0002", 1 -> "1",
/// 1e-8 -> "1e-08".
std::string format_real(double value);

/// 1234567 -> "1,234,567".
std::string format_count(std::int64_t value);

/// Seconds as "9 s", "3 min 20 s" or "2 h 05 min".
std::string format_duration(double seconds);

/// Bytes as "812 B", "3.4 MiB", "1.2 GiB".
std::string format_bytes(std::int64_t bytes);

/// A table with a header row, columns padded to their widest cell. A column stands on the right
/// where all its cells are numbers ("1,234", "0.5") or empty, or where its header begins with '>'
/// (which is not printed). No trailing spaces; every line ends in '\n'.
std::string format_table(const std::vector<std::string>& header,
                         const std::vector<std::vector<std::string>>& rows);

/// `text` as one word for a POSIX shell: quoted only where it must be.
std::string shell_quote(std::string_view text);

/// ASCII's capital letters made small; all else stays.
std::string lower_case(std::string text);

}  // namespace dcgan
