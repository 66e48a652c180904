#!/usr/bin/env python3
"""Writes the first inputs of the fuzzers of data files: make_seeds.py FOLDER makes FOLDER/idx, /npy,
/cifar and /cache. Needs nothing but Python; the same bytes each time."""
import gzip
import struct
import sys
from pathlib import Path


def idx(*sizes, kind=8):
    count = 1
    for size in sizes:
        count *= size
    return bytes([0, 0, kind, len(sizes)]) + struct.pack(f">{len(sizes)}I", *sizes) + bytes(
        i % 251 for i in range(count))


def npy(shape, version=1, descr="'|u1'", order="False"):
    header = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    length = struct.pack("<H" if version == 1 else "<I", len(header))
    count = 1
    for size in shape:
        count *= size
    return b"\x93NUMPY" + bytes([version, 0]) + length + header + bytes(count)


def idx_seeds():
    images, labels = idx(3, 4, 5), idx(7)
    packed = gzip.compress(images, mtime=0)
    half = gzip.compress(images[:20], mtime=0) + gzip.compress(images[20:], mtime=0)
    return [images, labels, packed, half, idx(2, 2, 2, 2), idx(2, 0, 5), idx(1, 1, 1, kind=13)]


def npy_seeds():
    shapes = [(2, 3, 4), (2, 3, 4, 1), (2, 3, 4, 3), (5,), (), (0, 3, 4), (4, 2)]
    return [npy(shape) for shape in shapes] + [
        npy((2, 3, 4), version) for version in (2, 3)] + [
        npy((2, 2, 2), descr="[('a', '|u1')]"), npy((2, 2, 2), order="True")]


def cifar_seeds():
    record10 = bytes([3]) + bytes(3072)
    record100 = bytes([3, 70]) + bytes(3072)
    return [record10 + b"\0", 2 * record10 + b"\0", record100 + b"\0", bytes(49) + b"\1",
            bytes(50) + b"\1", b"\x09" + bytes(48) + b"\1"]


def cache_seeds():
    """Changes to a cache (cache_fuzz.cpp): at an offset, so many bytes; then the choice."""
    def change(at, data):
        return struct.pack("<HB", at, len(data)) + data

    numbers = (b"0", b"-", b"-1", b"99999", b"ffffffff", b"\t", b"\n")
    changes = [change(at, n) for at in range(0, 512, 8) for n in numbers]
    return [c + bytes([choice]) for c in changes for choice in (0, 1)] + [
        bytes([2 | rows | size << 3]) for size in range(0, 32, 5) for rows in (0, 1)]


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    for name, seeds in (("idx", idx_seeds()), ("npy", npy_seeds()), ("cifar", cifar_seeds()),
                        ("cache", cache_seeds())):
        folder = Path(sys.argv[1]) / name
        folder.mkdir(parents=True, exist_ok=True)
        for i, seed in enumerate(seeds):
            (folder / f"seed{i:03}").write_bytes(seed)


if __name__ == "__main__":
    main()
