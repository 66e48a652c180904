#!/usr/bin/env python3
"""Has a run's discriminator memorised its training images?

    bench/memorisation.py RUN [RUN ...]

For the newest checkpoint of each run: D's mean logit over 10,000 training images, over the test set
and over 10,000 samples of g.pt. Batches have the run's size and BatchNorm is in training mode. A D
that generalises gives test images the logits of training images; one that has memorised these gives
test images logits nearer to those of samples. A conditional D gets each image with its own class,
and test images once more with every other class, whose logits are lower where D uses the class.
Needs torch and numpy; D in float32, with LeakyReLU or GELU.
"""
import argparse
import gzip
import re
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F


def read(folder, name):
    path = next(path for path in sorted(folder.iterdir()) if path.name.startswith(name))
    return gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()


def read_images(folder, name):
    data = read(folder, name)
    height, width = np.frombuffer(data, ">u4", 2, 8)
    images = np.frombuffer(data, np.uint8, offset=16).reshape(-1, 1, height, width)
    return torch.from_numpy(images[:10000].copy()).float() / 127.5 - 1


def read_labels(folder, name):
    labels = np.frombuffer(read(folder, name), np.uint8, offset=8)
    return torch.from_numpy(labels[:10000].copy()).long()


def value(config, section, key):
    return re.search(rf"^{section}:\n(?:  .*\n)*?  {key}: (.*)$", config, re.MULTILINE)[1]


def discriminator_outputs(tensors, config, x):
    """Of D in training mode, [N, 1 + classes]."""
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
    return x.flatten(1)


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
    classes = int(value(config, "model", "classes"))
    torch.manual_seed(1)
    latents = torch.randn(10000, generator.latent_dim)
    sets = {"training": read_images(folder, "train-images"),
            "test": read_images(folder, "t10k-images"),
            "samples": torch.cat([generator(part) for part in latents.split(500)])}
    outputs = {name: torch.cat([discriminator_outputs(tensors, config, part)
                                for part in images.split(batch) if len(part) == batch])
               for name, images in sets.items()}
    if not classes:
        return newest.stem, [out[:, 0].mean().item() for out in outputs.values()]
    bias = dict(generator.named_buffers())["layer1.mode_bias"]
    own = {"training": read_labels(folder, "train-labels"),
           "test": read_labels(folder, "t10k-labels"),
           "samples": (latents[:, :len(bias)] + bias).argmax(1) % classes}
    logits = {name: out[:, :1] + out[:, 1:] for name, out in outputs.items()}  # [N, classes]
    is_own = {name: F.one_hot(own[name][:len(out)], classes).bool()
              for name, out in outputs.items()}
    means = [logits[name][is_own[name]].mean().item() for name in sets]
    return newest.stem, [*means, logits["test"][~is_own["test"]].mean().item()]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    torch.set_num_threads(1)  # a batch is too small for more
    print("| run | step | training images | test images | samples | test images, other classes |")
    print("|-|-|-|-|-|-|")
    for run in parser.parse_args().runs:
        step, means = measure(run)
        print(f"| {run.name} | {step} | " + " | ".join(f"{mean:+.2f}" for mean in means)
              + (" |" if len(means) == 4 else " | |"))


if __name__ == "__main__":
    main()
