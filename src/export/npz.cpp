#include "export/writers.h"
#include "export/zip.h"
#include "sources/arrays.h"

namespace dcgan {

std::string to_npz(const ExportedNetwork& network) {
  std::vector<ZipFile> files;
  for (const NamedArray& array : network.arrays) {
    ZipFile file{array.name + ".npy", npy_header(array.sizes, "<f4")};
    file.bytes.append(reinterpret_cast<const char*>(array.numbers.data()),
                      array.numbers.size() * sizeof(float));
    files.push_back(std::move(file));
  }
  return write_zip(files);
}

}  // namespace dcgan
