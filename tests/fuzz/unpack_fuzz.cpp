// Any bytes as an archive from the network: unpack_bytes() must return or throw, write only the
// wanted names into its folder, and no more than the set can have.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "dcgan/error.h"
#include "fetch/unpack.h"
#include "support/temp_folder.h"

namespace {

const std::vector<dcgan::UnpackedFile> kFiles{
    {"a.bin", 4, "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589"},  // "abcd"
    {"names.txt", 16, ""}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dcgan::testing::TempFolder folder;
  const auto out = folder / "out";
  std::filesystem::create_directory(out);
  try {
    dcgan::unpack_bytes({reinterpret_cast<const char*>(data), size}, kFiles, out);
  } catch (const dcgan::Error&) {
  }
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    const std::string name = entry.path().filename().string();
    const bool known = (name == "a.bin" && entry.file_size() <= 4) ||
                       (name == "names.txt" && entry.file_size() <= 16);
    if (!known || !entry.is_regular_file()) std::abort();
    std::filesystem::remove(entry.path());
  }
  std::filesystem::remove(out);
  if (!std::filesystem::is_empty(folder.path())) std::abort();
  return 0;
}
