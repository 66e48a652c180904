#include "base/text.h"

#include <gtest/gtest.h>

#include <limits>

namespace dcgan {
namespace {

TEST(DidYouMean, NamesWhatASlipOfTheFingersMeant) {
  EXPECT_EQ(did_you_mean("trian", {"sample", "train"}), "did you mean 'train'?");
  EXPECT_EQ(did_you_mean("ab", {"ba"}), "did you mean 'ba'?");  // swapped: one edit
  EXPECT_EQ(did_you_mean("lx", {"lr"}), "did you mean 'lr'?");  // always allowed
  EXPECT_EQ(did_you_mean("epochs", {"epxxxs"}), "") << "more than a third";
  EXPECT_EQ(did_you_mean("train.epochz", {"train.epochzzz", "train.epochs"}),
            "did you mean 'train.epochs'?");
}

TEST(DidYouMean, NamesTheNearestOrSaysWhatElseToDo) {
  EXPECT_EQ(did_you_mean("trian", {"train"}, "see --help"), "did you mean 'train'?");
  EXPECT_EQ(did_you_mean("zzz", {"train"}, "see --help"), "see --help");
  EXPECT_EQ(did_you_mean("zzz", {"train"}), "");
}

TEST(OrList, JoinsWords) {
  EXPECT_EQ(or_list({"a"}), "a");
  EXPECT_EQ(or_list({"a", "b"}), "a or b");
  EXPECT_EQ(or_list({"a", "b", "c"}), "a, b or c");
}

TEST(Printable, KeepsPlainTextAndUtf8) { EXPECT_EQ(printable("größe 7"), "größe 7"); }

TEST(Printable, HidesControlCharacters) { EXPECT_EQ(printable("a\n\x1b[1mb"), "a??[1mb"); }

TEST(Printable, CutsLongText) {
  EXPECT_EQ(printable(std::string(60, 'x')), std::string(60, 'x'));
  EXPECT_EQ(printable(std::string(61, 'x')), std::string(60, 'x') + "...");
}

TEST(WithoutControls, LeavesLineEndsAndUtf8) {
  EXPECT_EQ(without_controls("a\x1b[2J\tb\x7f\r\n\xc3\xa4"), "a?[2J?b??\n\xc3\xa4");
}

TEST(Trimmed, TakesTheSpacesAroundAway) {
  EXPECT_EQ(trimmed(" \ta b\r\n"), "a b");
  EXPECT_EQ(trimmed("a"), "a");
  EXPECT_EQ(trimmed(" \t"), "");
  EXPECT_EQ(trimmed(""), "");
}

TEST(ParseInteger, TakesDecimalIntegers) {
  EXPECT_EQ(parse_integer("42"), 42);
  EXPECT_EQ(parse_integer("-7"), -7);
  EXPECT_EQ(parse_integer("+7"), 7);
  EXPECT_EQ(parse_integer("9223372036854775807"), std::numeric_limits<std::int64_t>::max());
}

TEST(ParseInteger, RefusesAllElse) {
  for (const char* text : {"", "+", "-", "abc", "1 ", " 1", "1.0", "1e3", "0x10", "1_000", "+-1",
                           "9223372036854775808"}) {
    EXPECT_EQ(parse_integer(text), std::nullopt) << text;
  }
}

TEST(ParseReal, TakesFiniteNumbers) {
  EXPECT_EQ(parse_real("2e-4"), 2e-4);
  EXPECT_EQ(parse_real("1"), 1.0);
  EXPECT_EQ(parse_real(".5"), 0.5);
  EXPECT_EQ(parse_real("+1.5E3"), 1500.0);
}

TEST(ParseReal, RefusesAllElse) {
  for (const char* text :
       {"", ".", "nan", "inf", "-inf", "infinity", "1e999", "1,5", "0.5x", "e3"}) {
    EXPECT_EQ(parse_real(text), std::nullopt) << text;
  }
}

TEST(FormatReal, IsTheShortestDecimal) {
  EXPECT_EQ(format_real(0.0002), "0.0002");
  EXPECT_EQ(format_real(1), "1");
  EXPECT_EQ(format_real(0), "0");
  EXPECT_EQ(format_real(0.1), "0.1");
  EXPECT_EQ(format_real(-2.5), "-2.5");
  EXPECT_EQ(format_real(1e-8), "1e-08");
  EXPECT_EQ(format_real(1e30), "1e+30");
  EXPECT_EQ(format_real(1.5e-10), "1.5e-10");
}

TEST(FormatReal, ReadsBackAsTheSameNumber) {
  for (const double value : {1.0 / 3.0, 0.1 + 0.2, 1e-300, 1e300, 123456789.125, 2e-4, 1e15}) {
    EXPECT_EQ(parse_real(format_real(value)), value) << format_real(value);
  }
}

TEST(FormatCount, SeparatesThousands) {
  EXPECT_EQ(format_count(0), "0");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567), "1,234,567");
  EXPECT_EQ(format_count(-123), "-123");
  EXPECT_EQ(format_count(-1234), "-1,234");
}

TEST(FormatDuration, GrowsWithTheTime) {
  EXPECT_EQ(format_duration(0.4), "0 s");
  EXPECT_EQ(format_duration(9), "9 s");
  EXPECT_EQ(format_duration(59.7), "1 min 00 s");
  EXPECT_EQ(format_duration(200), "3 min 20 s");
  EXPECT_EQ(format_duration(7500), "2 h 05 min");
}

TEST(FormatBytes, ChoosesTheUnit) {
  EXPECT_EQ(format_bytes(812), "812 B");
  EXPECT_EQ(format_bytes(1024), "1.0 KiB");
  EXPECT_EQ(format_bytes(3565158), "3.4 MiB");
  EXPECT_EQ(format_bytes(1288490189), "1.2 GiB");
}

TEST(FormatBytes, NeverPrints1024OfAUnit) { EXPECT_EQ(format_bytes(1024 * 1024 - 1), "1.0 MiB"); }

TEST(FormatTable, PadsWordsRightAndNumbersLeft) {
  EXPECT_EQ(format_table({"layer", "parameters"}, {{"conv", "1,024"}, {"a longer name", "7"}}),
            "layer          parameters\n"
            "conv                1,024\n"
            "a longer name           7\n");
}

TEST(FormatTable, KeepsAMixedColumnOnTheLeft) {
  EXPECT_EQ(format_table({"value", "from"}, {{"64", "x"}, {"relu", "y"}}),
            "value  from\n"
            "64     x\n"
            "relu   y\n");
}

TEST(FormatTable, MovesAMarkedColumnToTheRight) {
  EXPECT_EQ(format_table({">shape"}, {{"[1, 28]"}, {"[2]"}}),
            "  shape\n"
            "[1, 28]\n"
            "    [2]\n");
}

TEST(FormatTable, LeavesNoTrailingSpaces) {
  EXPECT_EQ(format_table({"a", "note"}, {{"x", ""}, {"y"}}), "a  note\nx\ny\n");
}

TEST(FormatTable, CountsCharactersNotBytes) {
  EXPECT_EQ(format_table({"a", "b"}, {{"4×4", "x"}, {"444", "y"}}),
            "a    b\n"
            "4×4  x\n"
            "444  y\n");
}

TEST(ShellQuote, LeavesPlainWords) {
  EXPECT_EQ(shell_quote("runs/mnist-001/g.pt"), "runs/mnist-001/g.pt");
}

TEST(ShellQuote, QuotesWhatAShellWouldChange) {
  EXPECT_EQ(shell_quote(""), "''");
  EXPECT_EQ(shell_quote("a b"), "'a b'");
  EXPECT_EQ(shell_quote("$x"), "'$x'");
  EXPECT_EQ(shell_quote("~"), "'~'");
}

TEST(ShellQuote, QuotesAQuote) { EXPECT_EQ(shell_quote("it's"), "'it'\\''s'"); }

}  // namespace
}  // namespace dcgan
