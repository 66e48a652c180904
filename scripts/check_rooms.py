#!/usr/bin/env python3
"""Fails where a folder of src/ includes a header of a folder above it.

The folders' order, lowest first, is that of dcgan_room() in src/CMakeLists.txt; cli is the highest.
A public header belongs to the folder whose sources implement it.
"""

import pathlib
import re
import sys

PUBLIC = {"error": "base", "config": "config", "evaluate": "evaluate", "image": "image",
          "sampler": "generate", "train": "training"}
SRC = pathlib.Path(__file__).resolve().parent.parent / "src"


def main():
    cmake = (SRC / "CMakeLists.txt").read_text()
    rooms = re.findall(r"^dcgan_room\((\w+)", cmake, re.MULTILINE) + ["cli"]
    folders = {path.name for path in SRC.iterdir() if path.is_dir()}
    wrong = [f"src/{name}: not in src/CMakeLists.txt" for name in sorted(folders - set(rooms))]
    for level, room in enumerate(rooms):
        for path in sorted((SRC / room).rglob("*.[ch]*")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                included = re.match(r'#include "(\w+)/(\w+)', line)
                if not included:
                    continue
                other = PUBLIC[included[2]] if included[1] == "dcgan" else included[1]
                if other in rooms[level + 1:]:
                    place = f"{path.relative_to(SRC.parent)}:{number}"
                    wrong.append(f"{place}: {room} includes {other}, which is above it")
    for line in wrong:
        print(line)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
