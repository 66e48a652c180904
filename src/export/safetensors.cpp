#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/json.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "export/state_dict.h"
#include "export/writers.h"

namespace dcgan {
namespace {

constexpr const char* kMetadataKey = "__metadata__";

/// Before the header: its size, little-endian, as the numbers.
using HeaderSize = std::uint64_t;

struct Slice {
  std::string name;
  std::string type;
  std::vector<std::int64_t> sizes;
  std::size_t begin = 0;
  std::size_t end = 0;
};

Error damaged_header() { return damaged("its header is damaged").remedy("copy it again"); }

std::string_view take_header(const std::string& bytes) {
  HeaderSize size = 0;
  std::memcpy(&size, bytes.data(), sizeof size);
  const std::size_t rest = bytes.size() - sizeof size;
  if (size > rest) {
    throw damaged(fmt::format("it is cut short: a header of {} bytes in {}", size, rest))
        .remedy("copy it again");
  }
  return std::string_view(bytes).substr(sizeof size, size);
}

/// In the order in which they lie in the file.
std::vector<Slice> read_slices(const nlohmann::json& header) {
  std::vector<Slice> slices;
  for (const auto& [name, entry] : header.items()) {
    if (name == kMetadataKey) continue;
    Slice slice;
    slice.name = name;
    entry.at("dtype").get_to(slice.type);
    for (const auto& size : entry.at("shape")) {
      if (!size.is_number_unsigned()) throw damaged_header();
      slice.sizes.push_back(size.get<std::int64_t>());
    }
    const auto& offsets = entry.at("data_offsets");
    if (!offsets.at(0).is_number_unsigned() || !offsets.at(1).is_number_unsigned()) {
      throw damaged_header();
    }
    offsets.at(0).get_to(slice.begin);
    offsets.at(1).get_to(slice.end);
    slices.push_back(std::move(slice));
  }
  std::sort(slices.begin(), slices.end(), [](const Slice& a, const Slice& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  return slices;
}

/// As the format demands: one behind the other, from the first byte to the last.
void check_order(const std::vector<Slice>& slices, std::size_t size) {
  std::size_t end = 0;
  for (const Slice& slice : slices) {
    if (slice.end > size) {
      throw damaged(fmt::format("it is cut short: tensor '{}' ends at byte {} of {}",
                                printable(slice.name), slice.end, size))
          .remedy("copy it again");
    }
    if (slice.begin != end || slice.end < slice.begin) {
      throw damaged(
          fmt::format("tensor '{}' overlaps another or leaves a gap", printable(slice.name)))
          .remedy("write it again with the safetensors package");
    }
    end = slice.end;
  }
  if (end != size) {
    throw damaged(fmt::format("{} bytes behind its last tensor", size - end))
        .remedy("copy it again");
  }
}

NamedArray read_slice(const Slice& slice, std::string_view data) {
  const NumberType& type = find_number_type(slice.type, slice.name);
  const std::size_t bytes = slice.end - slice.begin;
  NamedArray array{slice.name, slice.sizes, {}};
  const std::size_t count = element_count(slice.sizes, bytes / type.size, slice.name);
  if (count * type.size != bytes) {
    throw damaged(fmt::format("tensor '{}' has {} bytes where its shape needs {}",
                              printable(slice.name), bytes, count * type.size))
        .remedy("copy it again");
  }
  for (std::size_t i = 0; i < count; ++i) {
    array.numbers.push_back(type.read(data.data() + slice.begin + i * type.size));
  }
  return array;
}

}  // namespace

std::string to_safetensors(const ExportedNetwork& network) {
  using Json = nlohmann::ordered_json;
  Json header{{kMetadataKey, {{"format", "pt"}}}};
  for (const auto& [key, value] : file_metadata(network)) header[kMetadataKey][key] = value;
  std::string data;
  for (const NamedArray& array : network.arrays) {
    const std::size_t first = data.size();
    data.append(reinterpret_cast<const char*>(array.numbers.data()),
                array.numbers.size() * sizeof(float));
    header[array.name] = {
        {"dtype", "F32"}, {"shape", array.sizes}, {"data_offsets", {first, data.size()}}};
  }
  std::string text = json_text(header);
  constexpr std::size_t kAlignment = 8;
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const HeaderSize size = text.size();
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes + text + data;
}

StateDict parse_safetensors(const std::string& bytes) {
  const std::string_view header = take_header(bytes);
  const std::string_view data = std::string_view(bytes).substr(sizeof(HeaderSize) + header.size());
  StateDict state;
  std::vector<Slice> slices;
  try {
    const auto json = nlohmann::json::parse(header);
    slices = read_slices(json);
    if (json.contains(kMetadataKey)) json.at(kMetadataKey).get_to(state.metadata);
  } catch (const nlohmann::json::exception&) {
    throw damaged_header();
  }
  check_order(slices, data.size());
  for (const Slice& slice : slices) {
    if (slice.name.ends_with("num_batches_tracked")) continue;
    state.arrays.push_back(read_slice(slice, data));
  }
  return state;
}

}  // namespace dcgan
