// A training inside a C++ program: a run in a folder of its own, as `dcgan train` makes it.
//
//   train quick.yaml run
#include <dcgan/config.h>
#include <dcgan/error.h>
#include <dcgan/train.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: train CONFIG.yaml DIR [KEY=VALUE]...\n", stderr);
    return 2;
  }
  try {
    const dcgan::Config config = dcgan::load_config(argv[1], {argv + 3, argv + argc});
    dcgan::TrainOptions options;
    options.out = argv[2];
    options.on_step = [](const dcgan::TrainingProgress& at) {
      if (at.step % 10 == 0) {
        std::printf("step %ld of %ld: D %.3f, G %.3f\n", static_cast<long>(at.step),
                    static_cast<long>(at.total_steps), at.discriminator_loss, at.generator_loss);
      }
      return true;  // false would stop it, after a checkpoint
    };
    const dcgan::TrainResult result = dcgan::train(config, options);
    std::printf("%s: %ld steps\n", result.generator.c_str(), static_cast<long>(result.step));
  } catch (const dcgan::Error& error) {
    std::fprintf(stderr, "train: %s\n", error.what());
    return error.exit_code();
  }
  return 0;
}
