#!/usr/bin/env python3
"""Decoding a folder of pictures, compared with torchvision: for bench/results/prepare.md.

    bench/prepare.py --python .venv/bin/python FOLDER...
    bench/prepare.py --train configs/avatars.yaml
    bench/prepare.py --many 1000000

The first decodes every picture in FOLDER and crops it to --size: dcgan on every core
(prepare_images: its codecs alone, and decoding into the cache), then torchvision's ImageFolder
with a DataLoader of 0, 1, 2 and 4 workers, --rounds times in turns; the maximum counts. PYTHON
needs torch and torchvision. --train alternates runs of a configuration from its cache and from
memory (data.cache: none), and compares images/s. --many makes so many small PNGs of 64 x 64 in a
temporary folder, and times a dry run that decodes them and one that finds them in the cache, with
its peak memory. Times are comparable only on an idle machine.
"""
import argparse
import json
import os
import statistics
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOADER = """
import sys, time, warnings
import torch
from PIL import Image
from torchvision import datasets, transforms

warnings.filterwarnings("ignore")
folder, size, workers = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])

def read(path):
    try:
        return Image.open(path).convert("RGB")
    except Exception:  # a damaged file must not end the measurement
        return Image.new("RGB", (size, size))

if __name__ == "__main__":
    change = transforms.Compose([transforms.Resize(size), transforms.CenterCrop(size),
                                 transforms.PILToTensor()])
    images = datasets.ImageFolder(folder, change, loader=read)
    loader = torch.utils.data.DataLoader(images, batch_size=64, num_workers=workers)
    start = time.perf_counter()
    count = sum(len(batch) for batch, _ in loader)
    print(count / (time.perf_counter() - start))
"""


def run(command):
    finished = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE, text=True,
                              check=False)
    if finished.returncode != 0:
        sys.exit(f"{command[0]} failed with exit code {finished.returncode}")
    return finished.stdout


def torchvision_rate(python, folder, size, workers):
    with tempfile.TemporaryDirectory() as root:
        # ImageFolder wants a folder for each class.
        (Path(root) / "all").symlink_to(folder.resolve(), target_is_directory=True)
        script = Path(root) / "loader.py"
        script.write_text(LOADER)
        return float(run([python, script, root, size, workers]))


def prepare(arguments):
    print("| pictures | codecs alone, images/s | dcgan, into the cache | of the codecs | "
          "opened again | torchvision, best | workers | dcgan over torchvision |")
    print("|-|-:|-:|-:|-:|-:|-:|-:|")
    for folder in arguments.folders:
        ours = [json.loads(run([arguments.build / "prepare_images", folder, arguments.size]))]
        theirs = {}
        for _ in range(arguments.rounds):
            for workers in (0, 1, 2, 4):
                rate = torchvision_rate(arguments.python, folder, arguments.size, workers)
                theirs[workers] = max(theirs.get(workers, 0), rate)
            ours.append(json.loads(run([arguments.build / "prepare_images", folder,
                                        arguments.size])))
        best = max(ours, key=lambda one: one["prepared_images_per_second"])
        codec = max(one["codec_images_per_second"] for one in ours)
        workers = max(theirs, key=theirs.get)
        rate = best["prepared_images_per_second"]
        print(f"| {folder.name}, {best['images']:,} | {codec:,.0f} | {rate:,.0f} | "
              f"{rate / codec:.2f} | {best['warm_open_seconds'] * 1000:.0f} ms | "
              f"{theirs[workers]:,.0f} | {workers} | {rate / theirs[workers]:.1f} × |", flush=True)


def train(arguments):
    rates = {"auto": [], "none": []}
    for _ in range(arguments.rounds):
        for cache in rates:
            with tempfile.TemporaryDirectory() as folder:
                out = Path(folder) / "run"
                run([arguments.build / "dcgan", "train", "-q", "--config", arguments.train,
                     *[word for change in arguments.set for word in ("--set", change)],
                     "--set", f"data.cache={cache}", "--out", out])
                lines = [json.loads(line) for line in (out / "metrics.jsonl").open()]
                rates[cache].append(statistics.median(
                    line["images_per_second"] for line in lines[1:]
                    if "images_per_second" in line))
    cached, memory = (statistics.median(rates[cache]) for cache in ("auto", "none"))
    print(f"from the cache {cached:.0f} images/s, from memory {memory:.0f}: {cached / memory:.3f}")


def png(value):
    """A PNG of 64 x 64 in one colour."""
    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))
    rows = b"".join(b"\0" + bytes(value) * 64 for _ in range(64))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def many(arguments):
    with tempfile.TemporaryDirectory() as root:
        pictures = Path(root) / "pictures"
        kinds = [png((i, 255 - i, i // 2)) for i in range(256)]
        for first in range(0, arguments.many, 1000):
            folder = pictures / f"{first // 1000:06d}"
            folder.mkdir(parents=True)
            for i in range(first, min(first + 1000, arguments.many)):
                (folder / f"{i}.png").write_bytes(kinds[i % 256])
        for what in ("prepared", "found in the cache"):
            start = time.perf_counter()
            child = subprocess.Popen(
                [arguments.build / "dcgan", "train", "--dry-run", "--config",
                 ROOT / "configs/avatars.yaml", "--set", f"data.path={pictures}", "--set",
                 f"data.cache={root}/cache", "--set", f"data.image_size=[{arguments.size}, {arguments.size}]"],
                stdout=subprocess.DEVNULL)
            _, status, usage = os.wait4(child.pid, 0)
            if status != 0:
                sys.exit(f"dcgan failed with status {status}")
            print(f"{arguments.many:,} pictures {what}: {time.perf_counter() - start:.1f} s, "
                  f"{usage.ru_maxrss / 1024:.0f} MiB at the peak (mapped pages among them)",
                  flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path)
    parser.add_argument("--build", type=Path, default=ROOT / "build/apt/bin")
    parser.add_argument("--python", default=sys.executable)
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--train", type=Path)
    parser.add_argument("--many", type=int)
    parser.add_argument("--set", action="append", default=[])
    arguments = parser.parse_args()
    if arguments.train:
        train(arguments)
    elif arguments.many:
        many(arguments)
    elif arguments.folders:
        prepare(arguments)
    else:
        parser.error("name folders, or --train CONFIG, or --many N")


if __name__ == "__main__":
    main()
