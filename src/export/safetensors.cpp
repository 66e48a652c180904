#include <cstdint>
#include <cstring>
#include <nlohmann/json.hpp>

#include "export/writers.h"

namespace dcgan {

std::string to_safetensors(const ExportedNetwork& network) {
  using Json = nlohmann::ordered_json;
  Json header{{"__metadata__",
               {{"format", "pt"},
                {"network", network.plan.name},
                {"step", std::to_string(network.step)},
                {"config", config_as_json(network.config)}}}};
  std::string data;
  for (const NamedArray& array : network.arrays) {
    const std::size_t first = data.size();
    data.append(reinterpret_cast<const char*>(array.numbers.data()),
                array.numbers.size() * sizeof(float));
    header[array.name] = {
        {"dtype", "F32"}, {"shape", array.sizes}, {"data_offsets", {first, data.size()}}};
  }
  std::string text = header.dump(-1, ' ', /*ensure_ascii=*/false);
  constexpr std::size_t kAlignment = 8;
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const std::uint64_t size = text.size();  // little-endian, as the numbers
  std::string bytes(sizeof size, '\0');
  std::memcpy(bytes.data(), &size, sizeof size);
  return bytes + text + data;
}

}  // namespace dcgan
