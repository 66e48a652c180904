// What a run tells its user: lines on stderr and in train.log, and a progress bar that the lines do
// not tear.
//
// The only room that knows spdlog.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

namespace dcgan {

enum class Verbosity { silent, quiet, normal, verbose };

class Log {
 public:
  /// silent: nothing; quiet: warnings only, and no bar; verbose: debug lines too. The file gets
  /// every line.
  explicit Log(Verbosity verbosity);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  /// Lines go to this file too, behind what is there: those of before and all from now on. Throws
  /// `failure` naming it.
  void add_file(const std::filesystem::path& path);

  void debug(const std::string& text);
  /// Text of several lines is logged line by line.
  void info(const std::string& text);
  void warn(const std::string& text);
  /// What the user must see even under -q.
  void notice(const std::string& text);

  /// Whether stderr is a terminal and the user wants to see a bar.
  bool has_bar() const;
  /// Replaces the bar by this text (one line, no newline); "" removes it.
  void show_bar(const std::string& text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Columns of the terminal at stderr; 100 where that can't be known.
int terminal_width();

}  // namespace dcgan
