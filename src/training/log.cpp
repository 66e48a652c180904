#include "training/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <sstream>
#include <utility>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr const char* kEraseLine = "\r\x1b[K";

}  // namespace

struct Log::Impl {
  std::shared_ptr<spdlog::sinks::stderr_sink_mt> terminal =
      std::make_shared<spdlog::sinks::stderr_sink_mt>();
  /// What is said before there is a file.
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> earlier =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(256);
  spdlog::logger logger{"dcgan", {terminal, earlier}};
  bool has_bar = false;
  std::string bar;  ///< on the terminal's last line

  void write(spdlog::level::level_enum level, const std::string& text) {
    std::istringstream lines(without_controls(text));
    if (!bar.empty()) std::fputs(kEraseLine, stderr);
    for (std::string line; std::getline(lines, line);) logger.log(level, "{}", line);
    std::fputs(bar.c_str(), stderr);
  }
};

Log::Log(Verbosity verbosity) : impl_(std::make_unique<Impl>()) {
  impl_->terminal->set_pattern("%v");
  impl_->terminal->set_level(verbosity == Verbosity::silent   ? spdlog::level::off
                             : verbosity == Verbosity::quiet  ? spdlog::level::warn
                             : verbosity == Verbosity::normal ? spdlog::level::info
                                                              : spdlog::level::debug);
  impl_->logger.set_level(spdlog::level::debug);
  impl_->logger.flush_on(spdlog::level::info);
  // A log line that can't be written (a full disk) must not end a training; metrics.jsonl and the
  // checkpoints report such a disk themselves.
  impl_->logger.set_error_handler([](const std::string&) {});
  impl_->has_bar = verbosity > Verbosity::quiet && isatty(STDERR_FILENO) != 0;
}

Log::~Log() { show_bar(""); }

void Log::add_file(const std::filesystem::path& path) {
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S %l %v");
    sink->set_level(spdlog::level::debug);
    for (const auto& message : impl_->earlier->last_raw()) sink->log(message);
    impl_->logger.sinks().back() = std::move(sink);
  } catch (const spdlog::spdlog_ex&) {
    throw failure("cannot be written")
        .in(path)
        .remedy("check the folder's permissions or name another one with --out");
  }
}

void Log::debug(const std::string& text) { impl_->write(spdlog::level::debug, text); }
void Log::info(const std::string& text) { impl_->write(spdlog::level::info, text); }
void Log::notice(const std::string& text) { impl_->write(spdlog::level::warn, text); }
void Log::warn(const std::string& text) { impl_->write(spdlog::level::warn, "warning: " + text); }

bool Log::has_bar() const { return impl_->has_bar; }

void Log::show_bar(const std::string& text) {
  if (!impl_->has_bar) return;
  if (!impl_->bar.empty()) std::fputs(kEraseLine, stderr);
  impl_->bar = text;
  std::fputs(text.c_str(), stderr);
}

int terminal_width() {
  constexpr int kFallback = 100;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kFallback;
  return size.ws_col;
}

}  // namespace dcgan
