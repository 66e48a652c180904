// How good a generator is, from a C++ program.
//
//   evaluate g.pt
#include <dcgan/error.h>
#include <dcgan/evaluate.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: evaluate g.pt\n", stderr);
    return 2;
  }
  try {
    dcgan::EvaluateOptions options;
    options.generator = argv[1];
    options.samples = 1000;
    for (const dcgan::Measure& measure : dcgan::evaluate(options).measures) {
      std::printf("%-16s %.3f (real images %.3f)\n", measure.key.c_str(), measure.samples.value,
                  measure.real.value);
    }
  } catch (const dcgan::Error& error) {
    std::fprintf(stderr, "evaluate: %s\n", error.what());
    return error.exit_code();
  }
  return 0;
}
