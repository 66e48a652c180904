// Which format a set on disk has and where it lies, by the names there.
#pragma once

#include <optional>
#include <string>

#include "dcgan/config.h"
#include "dcgan/error.h"

namespace dcgan {

/// What lies at `path` or up to two folders below it: for commands that get a folder without a
/// configuration. mnist where nothing else fits, whose reader then says what it misses. Throws
/// `failure` that lists them where several sets lie there.
DataFormat guess_format(const std::string& path);

/// Where a set of data.format lies: `data.path`, or the folder up to two below it that has its
/// files, as torchvision's root/MNIST/raw. Of pictures in train/ and test/ (or val/, ...) it is
/// train/. `data.path` where there is none. Throws `failure` that lists them where there are
/// several.
std::string find_set(const DataConfig& data);

/// Beside the error of a reader that found nothing at data.path: "holds a set of format folder; set
/// data.format: folder", where that is plain to see and another format than the one asked for; of
/// what dcgan does not read, such as Parquet, how to get there.
std::optional<Error> format_hint(const DataConfig& data);

}  // namespace dcgan
