#include "dcgan/run/metrics.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dcgan/base/error.h"
#include "dcgan/base/file.h"

namespace dcgan {
namespace {

using Json = nlohmann::ordered_json;

double rounded(double value, double per_unit) { return std::round(value * per_unit) / per_unit; }

Error cannot_write(const std::filesystem::path& path, int code) {
  return failure(fmt::format("{}: cannot be written: {}\nfree some space, then go on with --resume",
                             path.string(), std::strerror(code)));
}

}  // namespace

std::string to_json(const MetricsRecord& record) {
  Json json;
  json["step"] = record.step;
  json["epoch"] = record.epoch;
  json["images"] = record.images;
  json["seconds"] = rounded(record.seconds, 1000);
  json["d_loss"] = record.numbers.discriminator_loss;
  json["g_loss"] = record.numbers.generator_loss;
  json["d_real"] = record.numbers.real_score;
  json["d_fake"] = record.numbers.fake_score;
  json["d_fake_after"] = record.numbers.fake_score_after;
  json["images_per_second"] = rounded(record.images_per_second, 10);
  return json.dump();
}

MetricsFile::MetricsFile(const std::filesystem::path& path, std::int64_t last_step) : path_(path) {
  std::string kept;
  if (std::filesystem::exists(path)) {
    std::istringstream lines(read_file(path));
    for (std::string line; std::getline(lines, line);) {
      const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
      if (!json.is_object() || !json.contains("step") || !json["step"].is_number_integer()) continue;
      if (json["step"].get<std::int64_t>() > last_step) continue;
      seconds_before_ = json.value("seconds", 0.0);
      kept += line + "\n";
    }
  }
  write_file_atomically(path, kept);
  descriptor_ = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0) throw cannot_write(path, errno);
}

MetricsFile::~MetricsFile() { close(descriptor_); }

void MetricsFile::append(const MetricsRecord& record) {
  const std::string line = to_json(record) + "\n";
  const ssize_t written = write(descriptor_, line.data(), line.size());
  if (written == static_cast<ssize_t>(line.size())) return;
  throw cannot_write(path_, written < 0 ? errno : ENOSPC);
}

}  // namespace dcgan
