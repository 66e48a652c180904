// A generator inside a C++ program: 16 images from a g.pt as one PNG.
//
//   embed g.pt out.png
#include <dcgan/error.h>
#include <dcgan/sampler.h>

#include <cstdio>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: embed g.pt out.png\n", stderr);
    return 2;
  }
  try {
    const auto sampler = dcgan::Sampler::open(argv[1]);
    const torch::Tensor latents = sampler.draw_latents(/*seed=*/7, /*first=*/0, /*count=*/16);
    const torch::Tensor images = sampler.generate(latents);  // uint8 [16, C, H, W]
    dcgan::write_png(argv[2], dcgan::make_grid(dcgan::to_images(images), {.columns = 4}));
  } catch (const dcgan::Error& error) {
    std::fprintf(stderr, "embed: %s\n", error.what());
    return error.exit_code();
  }
  return 0;
}
