// A headless Chromium that opens a page, where the system has one.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <sstream>
#include <string>

#include "support/run_program.h"

namespace dcgan::testing {

class Browser {
 public:
  Browser() {
    const char* const path = std::getenv("PATH");
    for (const char* const name : {"chromium", "chromium-browser", "google-chrome"}) {
      std::istringstream folders(path == nullptr ? "" : path);
      for (std::string folder; program_.empty() && std::getline(folders, folder, ':');) {
        const std::string file = folder + "/" + name;
        if (std::filesystem::exists(file)) program_ = file;
      }
    }
  }

  explicit operator bool() const { return !program_.empty(); }

  /// `out`: the document after its scripts have run, for so many milliseconds of their clock.
  /// `err`: a line with CONSOLE for each message. There is no network.
  ProgramResult open(const std::filesystem::path& page, int milliseconds = 2000) const {
    const TempFolder profile;
    return run_program({"--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                        "--user-data-dir=" + profile.path().string(), "--window-size=1280,2000",
                        "--host-resolver-rules=MAP * ~NOTFOUND",
                        "--virtual-time-budget=" + std::to_string(milliseconds), "--dump-dom",
                        "file://" + page.string()},
                       {.program = program_});
  }

 private:
  std::string program_;
};

}  // namespace dcgan::testing
