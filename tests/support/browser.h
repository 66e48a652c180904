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

  /// `out`: the document after its scripts have run. `err`: a line with CONSOLE for each message.
  ProgramResult open(const std::filesystem::path& page) const {
    const TempFolder profile;
    return run_program({"--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr",
                        "--user-data-dir=" + profile.path().string(), "--window-size=1280,2000",
                        "--virtual-time-budget=2000", "--dump-dom", "file://" + page.string()},
                       {.program = program_});
  }

 private:
  std::string program_;
};

}  // namespace dcgan::testing
