// Any bytes as an archive from the network: unpack() must return or throw, take only the wanted
// names, no more than the set can have, and write nothing.
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include "base/file.h"
#include "dcgan/error.h"
#include "fetch/fetch.h"
#include "support/temp_folder.h"

namespace {

const std::vector<dcgan::KnownFile> kFiles{
    {"a.bin", 4, "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589"},
    {"names.txt", 16, ""}};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const dcgan::testing::TempFolder folder;
  const auto archive = folder / "a.tar.gz";
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  dcgan::write_file_atomically(archive, bytes, dcgan::Flush::no);
  try {
    for (const auto& [name, content] : dcgan::unpack(archive, kFiles)) {
      const bool known =
          (name == "a.bin" && content.size() <= 4) || (name == "names.txt" && content.size() <= 16);
      if (!known) std::abort();
    }
  } catch (const dcgan::Error&) {
  }
  std::filesystem::remove(archive);
  if (!std::filesystem::is_empty(folder.path())) std::abort();
  return 0;
}
