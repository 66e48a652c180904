#include "fetch/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <vector>

#include "base/text.h"

namespace dcgan {
namespace {

int terminal_columns() {
  constexpr int kFallback = 100;
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kFallback;
  return size.ws_col;
}

}  // namespace

std::string format_transfer(const TransferProgress& progress, int width) {
  const std::int64_t total = std::max<std::int64_t>(progress.total, 1);
  const std::int64_t done = std::clamp<std::int64_t>(progress.done, 0, total);
  constexpr std::int64_t kCells = 20;
  const auto filled = static_cast<std::size_t>(done * kCells / total);
  const std::string bar =
      fmt::format("[{}{}]", std::string(filled, '#'), std::string(kCells - filled, '-'));
  const std::string percent = fmt::format("{:3d} %", done * 100 / total);
  const std::string bytes = fmt::format("{} of {}", format_bytes(done), format_bytes(total));
  const std::string rate =
      fmt::format("{}/s", format_bytes(static_cast<std::int64_t>(progress.bytes_per_second)));
  // One column stays free: a full line would wrap, and a wrapped line can't be erased.
  const auto room = static_cast<std::size_t>(std::max(width - 1, 0));
  const std::vector<std::string> variants{
      fmt::format("{} {} {} {} {}", bar, percent, bytes, rate, progress.file),
      fmt::format("{} {} {} {}", bar, percent, bytes, rate), fmt::format("{} {}", percent, bytes),
      percent};
  for (const std::string& line : variants) {
    if (line.size() <= room) return line;
  }
  return percent.substr(0, room);
}

FetchPrinter::FetchPrinter() : is_terminal_(isatty(STDERR_FILENO) != 0) {}
FetchPrinter::~FetchPrinter() { erase_bar(); }

void FetchPrinter::erase_bar() {
  if (has_bar_) std::fputs("\r\x1b[K", stderr);
  has_bar_ = false;
}

FetchListener FetchPrinter::listener() {
  FetchListener listener;
  listener.line = [this](const std::string& line) {
    erase_bar();
    std::fputs((line + '\n').c_str(), stderr);  // fmt::print() throws where a pipe is gone
  };
  if (is_terminal_) {
    listener.progress = [this](const TransferProgress& progress) {
      erase_bar();
      std::fputs(format_transfer(progress, terminal_columns()).c_str(), stderr);
      std::fflush(stderr);
      has_bar_ = true;
    };
  }
  return listener;
}

}  // namespace dcgan
