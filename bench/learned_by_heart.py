#!/usr/bin/env python3
"""Has a run's discriminator learned its training images by heart?

    bench/learned_by_heart.py RUN [RUN ...]

For the newest checkpoint of each run: D's mean logit over 10,000 training images, over the test set
and over 10,000 samples of g.pt, each in batches of the training's size, which BatchNorm sees as in
training. A D that judges by what real images have in common puts test images beside training
images; one that has learned these by heart puts them nearer to the samples. Needs torch and numpy;
D in float32, with LeakyReLU or GELU.
"""
import argparse
import gzip
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


def read_images(folder, name):
    path = next(path for path in sorted(folder.iterdir()) if path.name.startswith(name))
    data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
    height, width = np.frombuffer(data, ">u4", 2, 8)
    images = np.frombuffer(data, np.uint8, offset=16).reshape(-1, 1, height, width)
    return torch.from_numpy(images[:10000].copy()).float() / 127.5 - 1


def value(config, section, key):
    return re.search(rf"^{section}:\n(?:  .*\n)*?  {key}: (.*)$", config, re.MULTILINE)[1]


def judge(tensors, config, x):
    """D's logits, [N], as in training."""
    layers = sorted({name.split(".")[0] for name in tensors})
    activation = value(config, "discriminator", "activation")
    slope = float(value(config, "discriminator", "slope"))
    for layer in layers:
        last = layer == layers[-1]
        x = F.conv2d(x, tensors[f"{layer}.weight"], tensors.get(f"{layer}.bias"),
                     stride=1 if last else 2, padding=0 if last else 1)
        if f"{layer}.norm.weight" in tensors:
            x = F.batch_norm(x, None, None, tensors[f"{layer}.norm.weight"],
                             tensors[f"{layer}.norm.bias"], training=True)
        if not last:
            x = F.gelu(x) if activation == "gelu" else F.leaky_relu(x, slope)
    return x.flatten()


@torch.no_grad()
def measure(run):
    files = {"config.yaml": ""}
    newest = max(run.glob("checkpoints/*.pt"))
    state = torch.jit.load(newest, _extra_files=files).state_dict()
    config = files["config.yaml"].decode()
    prefix = "discriminator."
    tensors = {name[len(prefix):]: tensor for name, tensor in state.items()
               if name.startswith(prefix)}
    batch = int(value(config, "train", "batch_size"))
    folder = Path(value(config, "data", "path").strip('"'))
    generator = torch.jit.load(run / "g.pt")
    torch.manual_seed(1)
    sets = {"training": read_images(folder, "train-images"),
            "test": read_images(folder, "t10k-images"),
            "samples": torch.cat([generator(torch.randn(500, generator.latent_dim))
                                  for _ in range(20)])}
    means = {name: torch.cat([judge(tensors, config, part)
                              for part in images.split(batch) if len(part) == batch]).mean().item()
             for name, images in sets.items()}
    return newest.stem, means


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    print("| run | step | training images | test images | samples |")
    print("|-|-|-|-|-|")
    for run in parser.parse_args().runs:
        step, means = measure(run)
        print(f"| {run.name} | {step} | " + " | ".join(f"{mean:+.2f}" for mean in means.values())
              + " |")


if __name__ == "__main__":
    main()
