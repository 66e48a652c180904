#!/usr/bin/env python3
"""Trains lightweight-gan (PyPI) on a CPU: the peer that few_pictures.py compares dcgan with.

    bench/lightweight_gan_on_cpu.py --images images.npy --first 1814 --minutes 10 --out samples.npy

Trains on the --first images of a uint8 array [N, 3, size, size] until the process has used so many
processor minutes of each thread, then writes --count samples, uint8 [N, size, size, 3], that
`dcgan evaluate --images` reads, and 64 of them beside as a PNG. Prints one JSON line. Needs
`pip install lightweight-gan==1.2.1`.

The package refuses to run without CUDA, so its calls of CUDA are replaced by ones that do nothing.
Its networks, losses, augmentation and Trainer.train() are used as they are; SETTINGS are those of
its README and command line, --set changes one. Three things are changed, each in its favour:

- Its sample grids (every 100 steps) and checkpoints are left out, and pictures are decoded in the
  training process, so that the time is training alone.
- Its moving average of G begins after step 20,000, which no CPU reaches. Here it is updated at
  every step with its own decay, 0.995, or (1 + step) / (10 + step) where that is less.
  Samples are of that average.
"""
import argparse
import contextlib
import json
import os
import random
import sys
import tempfile
import time
from pathlib import Path
from unittest import mock

import numpy
import torch
import torchvision
from PIL import Image

with mock.patch("torch.cuda.is_available", return_value=True):  # it asserts that when imported
    import lightweight_gan
    from lightweight_gan import lightweight_gan as package

# Of its README, "Training settings" and "Augmentation"; aug_prob is left to the package, which
# takes 0.29 for 1,814 pictures. The attention is its command line's default.
SETTINGS = {"batch_size": 16, "gradient_accumulate_every": 4, "attn_res_layers": [32],
            "disc_output_size": 1, "aug_types": ["translation", "cutout", "color"]}


class TorchOnCpu:
    """What the package sees as `torch`: all of it, with every device the CPU."""

    def __getattr__(self, name):
        return getattr(torch, name)

    @staticmethod
    def device(_):
        return torch.device("cpu")


def keep_off_cuda():
    package.torch = TorchOnCpu()
    torch.Tensor.cuda = lambda self, *_: self
    torch.nn.Module.cuda = lambda self, *_: self


def make_trainer(images, settings, folder):
    pictures = Path(folder) / "pictures"
    pictures.mkdir()
    for row, image in enumerate(images):
        Image.fromarray(image.transpose(1, 2, 0)).save(pictures / f"{row}.png", compress_level=1)
    trainer = lightweight_gan.Trainer(base_dir=folder, image_size=images.shape[-1], num_workers=0,
                                      use_aim=False, **settings)
    trainer.evaluate = trainer.save = lambda *_, **__: None
    trainer.set_data_src(str(pictures))
    trainer.init_GAN()
    trainer.GAN.reset_parameter_averaging = lambda: None
    return trainer


def train(trainer, seconds):
    """Processor and wall seconds. A loss that is no number ends the run by an exception."""
    start, wall = time.process_time(), time.perf_counter()
    while time.process_time() - start < seconds:
        trainer.train()
        step = trainer.steps
        trainer.GAN.ema_updater.beta = min(0.995, (1 + step) / (10 + step))
        trainer.GAN.EMA()
    return time.process_time() - start, time.perf_counter() - wall


@torch.no_grad()
def write_samples(generator, latent_dim, count, path):
    generator.eval()
    images = torch.cat([generator(torch.randn(min(100, count - first), latent_dim)).clamp(0, 1)
                        for first in range(0, count, 100)])
    numpy.save(path, (images * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy())
    torchvision.utils.save_image(images[:64], Path(path).with_suffix(".png"), nrow=8)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True)
    parser.add_argument("--first", type=int)
    parser.add_argument("--minutes", type=float, required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--count", type=int, default=1814)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--set", action="append", default=[], metavar="KEY=JSON")
    arguments = parser.parse_args()
    settings = SETTINGS | {key: json.loads(value) for key, _, value in
                           (change.partition("=") for change in arguments.set)}
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(arguments.seed)
    random.seed(arguments.seed)
    keep_off_cuda()
    images = numpy.load(arguments.images, mmap_mode="r")[:arguments.first]
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(sys.stderr):
        trainer = make_trainer(images, settings, folder)
        processor, wall = train(trainer, arguments.minutes * 60 * arguments.threads)
    write_samples(trainer.GAN.GE, trainer.latent_dim, arguments.count, arguments.out)
    batch = settings["batch_size"] * settings["gradient_accumulate_every"]
    print(json.dumps({"settings": settings | {"aug_prob": trainer.aug_prob},
                      "versions": [package.__version__, torch.__version__],
                      "steps": trainer.steps, "images": trainer.steps * batch,
                      "processor_seconds": processor, "wall_seconds": wall}))


if __name__ == "__main__":
    main()
