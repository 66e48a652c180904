// Which format a set on disk has, by the names there.
#pragma once

#include <string>

#include "dcgan/config/config.h"

namespace dcgan {

/// What lies at `path`: for commands that get a folder without a configuration. mnist where nothing
/// else fits, whose reader then says what it misses.
DataFormat guess_format(const std::string& path);

/// Behind the message of a reader that found nothing at data.path: "\nit holds pictures: set
/// data.format: folder", where that is plain to see and another format than the one asked for; else
/// "".
std::string format_hint(const DataConfig& data);

}  // namespace dcgan
