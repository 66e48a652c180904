// An NVIDIA driver that answers as the tests tell it to.
#include <cstdlib>

namespace {
int number_of(const char* variable) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? 0 : std::atoi(text);
}
}  // namespace

extern "C" {
int cuDriverGetVersion(int* version) {
  *version = number_of("STUB_VERSION");
  return 0;
}
int cuInit(unsigned /*flags*/) { return number_of("STUB_INIT"); }
int cuDeviceGetCount(int* count) {
  *count = number_of("STUB_DEVICES");
  return 0;
}
}
