#include "training/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/base_sink.h>
#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/spdlog.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

constexpr const char* kEraseLine = "\r\x1b[K";

/// stderr with at most one bar on its last line.
class TerminalSink : public spdlog::sinks::base_sink<std::mutex> {
 public:
  void show_bar(const std::string& text) {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!bar_.empty() || !text.empty()) std::fputs(kEraseLine, stderr);
    bar_ = text;
    std::fputs(bar_.c_str(), stderr);
    std::fflush(stderr);
  }

 protected:
  void sink_it_(const spdlog::details::log_msg& message) override {
    spdlog::memory_buf_t line;
    formatter_->format(message, line);
    if (!bar_.empty()) std::fputs(kEraseLine, stderr);
    std::fwrite(line.data(), 1, line.size(), stderr);
    std::fputs(bar_.c_str(), stderr);
    std::fflush(stderr);
  }
  void flush_() override { std::fflush(stderr); }

 private:
  std::string bar_;
};

}  // namespace

struct Log::Impl {
  std::shared_ptr<TerminalSink> terminal = std::make_shared<TerminalSink>();
  std::shared_ptr<spdlog::logger> logger;
  bool has_bar = false;
  bool has_file = false;
  std::vector<std::pair<spdlog::level::level_enum, std::string>> before_file;

  void write(spdlog::level::level_enum level, const std::string& text) {
    std::istringstream lines(without_controls(text));
    for (std::string line; std::getline(lines, line);) {
      logger->log(level, "{}", line);
      if (!has_file) before_file.emplace_back(level, line);
    }
  }
};

Log::Log(Verbosity verbosity) : impl_(std::make_unique<Impl>()) {
  impl_->terminal->set_pattern("%^%v%$");
  impl_->terminal->set_level(verbosity == Verbosity::silent   ? spdlog::level::off
                             : verbosity == Verbosity::quiet  ? spdlog::level::warn
                             : verbosity == Verbosity::normal ? spdlog::level::info
                                                              : spdlog::level::debug);
  impl_->logger = std::make_shared<spdlog::logger>("dcgan", impl_->terminal);
  impl_->logger->set_level(spdlog::level::debug);
  impl_->logger->flush_on(spdlog::level::info);
  // A log line that can't be written (a full disk) must not end a training; metrics.jsonl and the
  // checkpoints report such a disk themselves.
  impl_->logger->set_error_handler([](const std::string&) {});
  impl_->has_bar = verbosity > Verbosity::quiet && isatty(STDERR_FILENO) != 0;
}

Log::~Log() { show_bar(""); }

void Log::add_file(const std::filesystem::path& path) {
  try {
    auto sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(path.string());
    sink->set_pattern("%Y-%m-%d %H:%M:%S %l %v");
    sink->set_level(spdlog::level::debug);
    for (const auto& [level, line] : impl_->before_file) sink->log({"dcgan", level, line});
    impl_->before_file.clear();
    impl_->has_file = true;
    impl_->logger->sinks().push_back(std::move(sink));
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
  if (impl_->has_bar) impl_->terminal->show_bar(text);
}

int terminal_width() {
  constexpr int kFallback = 100;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kFallback;
  return size.ws_col;
}

}  // namespace dcgan
