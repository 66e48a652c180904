#include "export/state_dict.h"

#include <c10/util/BFloat16.h>
#include <c10/util/Half.h>
#include <fmt/format.h>

#include <cstring>
#include <string_view>

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"

namespace dcgan {
namespace {

template <typename Number>
float read_as(const char* bytes) {
  Number number;
  std::memcpy(&number, bytes, sizeof number);
  return static_cast<float>(number);
}

constexpr NumberType kNumberTypes[] = {
    {"F32", "FloatStorage", 4, read_as<float>},
    {"F16", "HalfStorage", 2, read_as<c10::Half>},
    {"BF16", "BFloat16Storage", 2, read_as<c10::BFloat16>},
    {"F64", "DoubleStorage", 8, read_as<double>},
};

}  // namespace

StateDict read_state_dict(const std::filesystem::path& path) {
  const std::string bytes = read_file(path);
  try {
    return parse_state_dict(bytes);
  } catch (Error& error) {
    throw error.in(path);
  }
}

StateDict parse_state_dict(const std::string& bytes) {
  using namespace std::literals;
  constexpr std::size_t kLengthSize = 8;  // before the header of safetensors
  if (bytes.starts_with("PK")) return parse_pth(bytes);
  if (bytes.starts_with("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19"sv)) {
    throw failure("a .pth in the format of PyTorch before 1.6")
        .remedy("torch.save(torch.load(FILE), FILE) in a newer one writes today's");
  }
  if (bytes.size() > kLengthSize && bytes[kLengthSize] == '{') return parse_safetensors(bytes);
  throw failure("neither a .pth of PyTorch nor a .safetensors file")
      .remedy("import takes a state_dict: torch.save(netG.state_dict(), \"netG.pth\")");
}

const NumberType& find_number_type(const std::string& type, const std::string& tensor) {
  for (const NumberType& known : kNumberTypes) {
    if (type == known.safetensors || type == known.storage) return known;
  }
  throw failure(fmt::format("tensor '{}' is of type {}", printable(tensor), printable(type)))
      .remedy("import reads float32, float16, bfloat16 and float64");
}

std::size_t element_count(const std::vector<std::int64_t>& sizes, std::size_t max,
                          const std::string& tensor) {
  std::size_t count = 1;
  for (const std::int64_t size : sizes) {
    const auto factor = static_cast<std::size_t>(size);
    if (size < 0 || (factor > 0 && count > max / factor)) {
      throw damaged(
          fmt::format("tensor '{}' is larger than what the file holds of it", printable(tensor)))
          .remedy("copy it again");
    }
    count *= factor;
  }
  return count;
}

}  // namespace dcgan
