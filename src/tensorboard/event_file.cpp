#include "tensorboard/event_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <protozero/pbf_writer.hpp>
#include <system_error>

#include "base/file.h"
#include "base/text.h"

namespace dcgan {
namespace {

namespace fs = std::filesystem;
using Message = protozero::pbf_writer;

// Numbers of fields: event.proto and summary.proto.
namespace event {
constexpr int kWallTime = 1;
constexpr int kStep = 2;
constexpr int kFileVersion = 3;
constexpr int kSummary = 5;
constexpr int kSessionLog = 7;
}  // namespace event
constexpr int kSummaryValue = 1;
namespace value {
constexpr int kTag = 1;
constexpr int kSimpleValue = 2;
constexpr int kImage = 4;
constexpr int kTensor = 8;
constexpr int kMetadata = 9;
}  // namespace value

constexpr std::uint32_t kCastagnoli = 0x82f63b78;  // reflected

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t byte = 0; byte < table.size(); ++byte) {
    std::uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ ((crc & 1U) != 0 ? kCastagnoli : 0U);
    table.at(byte) = crc;
  }
  return table;
}

template <typename Number>
std::string little_endian(Number number) {
  std::string bytes;
  for (std::size_t i = 0; i < sizeof number; ++i) bytes += static_cast<char>(number >> (8 * i));
  return bytes;
}

/// A CRC of data that holds CRCs is of little use, so that records hold another number.
std::uint32_t masked_crc32c(std::string_view bytes) {
  constexpr std::uint32_t kMask = 0xa282ead8;
  const std::uint32_t crc = crc32c(bytes);
  return (crc >> 15 | crc << 17) + kMask;
}

std::string host_name() {
  std::array<char, 256> name{};
  return gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "host";
}

/// events.out.tfevents.SECONDS.HOST. TensorBoard reads them in the order of their names: a new one
/// comes behind those that are there.
fs::path new_event_file(const fs::path& folder) {
  const std::string prefix = "events.out.tfevents.";
  std::int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(
                             std::chrono::system_clock::now().time_since_epoch())
                             .count();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    const std::string rest = name.substr(prefix.size());
    const auto other = parse_integer(rest.substr(0, rest.find('.')));
    if (other) seconds = std::max(seconds, *other + 1);
  }
  return folder / fmt::format("{}{:010d}.{}", prefix, seconds, host_name());
}

/// A message of an event so far.
Message begin_event(std::string& bytes, std::int64_t step) {
  Message message(bytes);
  message.add_double(
      event::kWallTime,
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count());
  message.add_int64(event::kStep, step);
  return message;
}

/// An event with one value, which `fill` describes.
template <typename Fill>
std::string one_value(std::int64_t step, const std::string& tag, const Fill& fill) {
  std::string bytes;
  Message message = begin_event(bytes, step);
  {
    Message summary(message, event::kSummary);
    Message one(summary, kSummaryValue);
    one.add_string(value::kTag, tag);
    fill(one);
  }
  return bytes;
}

/// Bytes 16 to 25 of a PNG: width and height, 4 bytes each, the bit depth, and the colour type.
std::int32_t png_number(std::string_view png, std::size_t at) {
  std::uint32_t number = 0;
  for (const char c : png.substr(at, 4)) number = number << 8 | static_cast<unsigned char>(c);
  return static_cast<std::int32_t>(number);
}

}  // namespace

std::uint32_t crc32c(std::string_view bytes) {
  static constexpr std::array<std::uint32_t, 256> kTable = make_crc_table();
  std::uint32_t crc = ~0U;
  for (const char c : bytes) {
    crc = crc >> 8 ^ kTable.at((crc ^ static_cast<unsigned char>(c)) & 0xffU);
  }
  return ~crc;
}

std::string to_record(std::string_view message) {
  const std::string length = little_endian<std::uint64_t>(message.size());
  std::string record = length + little_endian(masked_crc32c(length));
  record += message;
  return record + little_endian(masked_crc32c(message));
}

EventFile::EventFile(const fs::path& folder, std::int64_t step)
    : path_(new_event_file(folder)), file_(path_, std::ios::binary) {
  std::string version;
  begin_event(version, 0).add_string(event::kFileVersion, "brain.Event:2");
  write(version);
  // From the step of SessionLog START on, older files do not count. The events of the step that a
  // run resumes at were written before its checkpoint.
  constexpr int kStatus = 1;
  constexpr int kStart = 1;
  std::string start;
  Message message = begin_event(start, step == 0 ? 0 : step + 1);
  Message(message, event::kSessionLog).add_enum(kStatus, kStart);
  write(start);
}

void EventFile::add_scalars(std::int64_t step, const std::vector<Scalar>& scalars) {
  std::string bytes;
  Message message = begin_event(bytes, step);
  {
    Message summary(message, event::kSummary);
    for (const Scalar& scalar : scalars) {
      Message one(summary, kSummaryValue);
      one.add_string(value::kTag, scalar.tag);
      one.add_float(value::kSimpleValue, static_cast<float>(scalar.value));
    }
  }
  write(bytes);
}

void EventFile::add_image(std::int64_t step, const std::string& tag, std::string_view png) {
  constexpr int kHeight = 1;
  constexpr int kWidth = 2;
  constexpr int kChannels = 3;
  constexpr int kPng = 4;
  write(one_value(step, tag, [&](Message& one) {
    Message image(one, value::kImage);
    image.add_int32(kHeight, png_number(png, 20));
    image.add_int32(kWidth, png_number(png, 16));
    image.add_int32(kChannels, png.at(25) == 0 ? 1 : 3);
    image.add_bytes(kPng, png.data(), png.size());
  }));
}

void EventFile::add_text(std::int64_t step, const std::string& tag, std::string_view text) {
  constexpr int kPluginData = 1;
  constexpr int kPluginName = 1;
  constexpr int kType = 1;
  constexpr int kString = 7;  // DT_STRING
  constexpr int kShape = 2;
  constexpr int kDimension = 2;
  constexpr int kSize = 1;
  constexpr int kStrings = 8;
  write(one_value(step, tag, [&](Message& one) {
    {
      Message metadata(one, value::kMetadata);
      Message(metadata, kPluginData).add_string(kPluginName, "text");
    }
    Message tensor(one, value::kTensor);
    tensor.add_enum(kType, kString);
    {
      Message shape(tensor, kShape);
      Message(shape, kDimension).add_int64(kSize, 1);
    }
    tensor.add_bytes(kStrings, text.data(), text.size());
  }));
}

void EventFile::write(const std::string& event) {
  file_ << to_record(event) << std::flush;
  if (!file_) throw write_failure(path_, errno);
}

}  // namespace dcgan
