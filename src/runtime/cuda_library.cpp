#include "runtime/cuda_library.h"

#include <dlfcn.h>

#include <string>

#include "dcgan/error.h"

namespace dcgan {

void* find_in_cuda_library(const char* function) {
  // Beside the program, by its RUNPATH; a program that embeds dcgan sets its own.
  constexpr const char* kLibrary = "libdcgan_cuda.so";
  void* const library = dlopen(kLibrary, RTLD_NOW | RTLD_LOCAL);
  void* const found = library == nullptr ? nullptr : dlsym(library, function);
  if (found != nullptr) return found;
  const char* const why = dlerror();
  throw failure(why == nullptr ? std::string(kLibrary) + " is of another version" : why)
      .remedy("build with scripts/setup.sh --torch pip");
}

}  // namespace dcgan
