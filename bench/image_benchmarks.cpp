// Decoding, resizing and fitting pictures, a file at a time and in one thread.
//
//   cmake --preset apt -DDCGAN_BUILD_BENCHMARKS=ON
//   cmake --build --preset apt --target image_benchmarks
//   build/apt/bin/image_benchmarks FILE_OR_FOLDER...
//
// For each name: decoding all its pictures, the same with 64 x 64 wanted, fitting the decoded ones
// to 64 x 64, and the same by stb_image, which reads all but WebP. Google Benchmark's own options
// come first. Needs Google Benchmark (Debian: libbenchmark-dev).
#include <benchmark/benchmark.h>

#include <filesystem>
#include <string>
#include <vector>

#include "base/file.h"
#include "dcgan/error.h"
#include "image/decode.h"
#include "image/fit.h"

// stb's code is not ours to clean.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wnull-dereference"
#define STB_IMAGE_STATIC
#define STB_IMAGE_IMPLEMENTATION
#define STBI_NO_STDIO
#include <stb_image.h>
#pragma GCC diagnostic pop

namespace {

using benchmark::State;
using namespace dcgan;

using Files = std::vector<std::string>;

/// Every picture there, as its bytes; links to others are left out.
Files load(const std::filesystem::path& path) {
  if (!std::filesystem::is_directory(path)) return {read_file(path)};
  Files files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
    if (entry.is_symlink() || !entry.is_regular_file()) continue;
    std::string bytes = read_file(entry.path());
    if (image_format(bytes) != ImageFormat::unknown) files.push_back(std::move(bytes));
  }
  return files;
}

void count(State& state, const Files& files, std::int64_t pixels) {
  const auto rounds = static_cast<double>(state.iterations());
  state.counters["files"] =
      benchmark::Counter(rounds * static_cast<double>(files.size()), benchmark::Counter::kIsRate);
  state.counters["pixels"] =
      benchmark::Counter(rounds * static_cast<double>(pixels), benchmark::Counter::kIsRate);
}

void decode(State& state, const Files& files, const DecodeOptions& options) {
  std::int64_t pixels = 0;
  for (auto _ : state) {
    pixels = 0;
    for (const std::string& bytes : files) {
      const Image image = decode_image(bytes, options);
      pixels += image.height * image.width;
      benchmark::DoNotOptimize(image.pixels.data());
    }
  }
  count(state, files, pixels);
}

void decode_by_stb(State& state, const Files& files) {
  std::int64_t pixels = 0;
  for (auto _ : state) {
    pixels = 0;
    for (const std::string& bytes : files) {
      int width = 0;
      int height = 0;
      int channels = 0;
      stbi_uc* const data =
          stbi_load_from_memory(reinterpret_cast<const stbi_uc*>(bytes.data()),
                                static_cast<int>(bytes.size()), &width, &height, &channels, 0);
      if (data == nullptr) return state.SkipWithError(stbi_failure_reason());
      pixels += std::int64_t{height} * width;
      stbi_image_free(data);
    }
  }
  count(state, files, pixels);
}

void fit(State& state, const Files& files) {
  const FitOptions options{.height = 64, .width = 64, .channels = 3};
  std::vector<Image> images;
  std::int64_t pixels = 0;
  for (const std::string& bytes : files) {
    images.push_back(decode_image(bytes));
    pixels += images.back().height * images.back().width;
  }
  for (auto _ : state) {
    for (const Image& image : images) {
      benchmark::DoNotOptimize(fit_image(image, options).pixels.data());
    }
  }
  count(state, files, pixels);
}

void register_benchmarks(const std::string& name) {
  const Files files = load(name);
  const auto add = [&](const char* what, auto run) {
    benchmark::RegisterBenchmark((name + " " + what).c_str(), run)->Unit(benchmark::kMillisecond);
  };
  add("decode", [files](State& state) { decode(state, files, {}); });
  add("decode, 64 x 64 wanted", [files](State& state) {
    decode(state, files, {.wanted = {64, 64}});
  });
  add("fit", [files](State& state) { fit(state, files); });
  add("decode by stb", [files](State& state) { decode_by_stb(state, files); });
}

}  // namespace

int main(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  try {
    for (int i = 1; i < count; ++i) register_benchmarks(arguments[i]);
  } catch (const Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return error.exit_code();
  }
  benchmark::RunSpecifiedBenchmarks();
}
