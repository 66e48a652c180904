"""The command `dcgan`, and `python -m dcgan`: becomes the native program."""

import os
import sys

from .program import PROGRAM


def main() -> None:
    # Under this name the program prints commands to try next.
    os.execv(PROGRAM, ["dcgan", *sys.argv[1:]])


if __name__ == "__main__":
    main()
