#include "export/export.h"

#include "base/file.h"
#include "base/text.h"
#include "dcgan/error.h"
#include "export/exported_network.h"
#include "export/formats.h"
#include "export/writers.h"

namespace dcgan {

namespace {

struct Writer {
  const char* ending;
  std::string (*write)(const ExportedNetwork& network);
};

constexpr Writer kWriters[] = {
    // in the order of kExportEndings
    {".html", to_html}, {".onnx", to_onnx}, {".safetensors", to_safetensors},
    {".pth", to_pth},   {".npz", to_npz},
};

}  // namespace

void export_network(const std::filesystem::path& checkpoint, const std::filesystem::path& file,
                    const ExportOptions& options) {
  write_network(read_exported_network(checkpoint, options), checkpoint, file);
}

void write_network(const ExportedNetwork& network, const std::filesystem::path& checkpoint,
                   const std::filesystem::path& file) {
  const std::string name = lower_case(file.string());
  for (const Writer& writer : kWriters) {
    if (!name.ends_with(writer.ending)) continue;
    std::string bytes;
    try {
      bytes = writer.write(network);
    } catch (Error& error) {
      error.in(checkpoint);
      throw;
    }
    write_file_atomically(file, bytes);
  }
}

}  // namespace dcgan
