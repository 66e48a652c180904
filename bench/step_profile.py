#!/usr/bin/env python3
"""The profile of a training step, as a table in Markdown.

    bench/step_profile.py --build build/apt

Runs the step of bench/kernel_benchmarks.cpp (the networks of configs/mnist-paper.yaml, batch 64)
on one thread under Linux's perf (Debian's package linux-perf), in float32, with R1 on every step,
and in bfloat16, and groups perf's samples by what the functions do. --build is a build folder with
the benchmarks (-DDCGAN_BUILD_BENCHMARKS=ON). Debian's LibTorch is stripped: its functions are one
row.
"""
import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

COLUMNS = {"float32": "r1:0/bf16:0", "with R1": "r1:1/bf16:0", "bfloat16": "r1:0/bf16:1"}
# The first that fits, of library and function.
PARTS = [
    ("matrix products of Winograd convolutions", r"^kernel_benchmarks .*(product|multiply)\b"),
    ("oneDNN", r"^(\[JIT\]|libdnnl)|dnnl::"),
    ("BLAS", r"^(libopenblas|libblas|libmkl)|mkl_blas|gemm"),
    ("Winograd transforms",
     r"^kernel_benchmarks .*(::(input|gradient|output|sums|rows|kernel)$|transform_|correlate|places_of|"
     r"write_taps|TileRows|weight_sum|winograd|transpose)"),
    ("im2col, col2im", r"fold_patches"),
    ("BatchNorm and activations",
     r"^kernel_benchmarks .*(norm|moments|gradient|gelu|second_sums|Norm|measure|apply_line)"),
    ("Adam, EMA", r"^kernel_benchmarks .*(adam|average)"),
    ("random numbers", r"normal_rows|uniform_rows|^libm"),
    ("allocation and page faults", r"^\[kernel|^libc\.|^ld-linux|^libc-"),
    ("LibTorch: other operators, autograd, dispatch", r"^(libtorch|libc10|libgomp|libstdc|kernel_benchmarks .*torch)"),
]
REST = "other functions of dcgan"


def profile(build, case, folder):
    """Milliseconds of a step, and the share of each part."""
    data = Path(folder) / "perf.data"
    # Two seconds later LibTorch is loaded and the step is warm.
    output = subprocess.run(
        ["perf", "record", "-o", data, "-F", "2999", "--delay", "2000", "--",
         Path(build) / "bin/kernel_benchmarks", "--benchmark_min_time=8",
         f"--benchmark_filter=BM_TrainStep/channels:64/batch:64/{case}/"],
        env={**os.environ, "OMP_NUM_THREADS": "1"}, check=True, capture_output=True, text=True).stdout
    milliseconds = float(re.search(r"BM_TrainStep\S+\s+\S+ ms\s+(\S+) ms", output).group(1))
    report = subprocess.run(
        ["perf", "report", "-i", data, "--stdio", "--no-children", "-g", "none", "--sort", "dso,symbol",
         "--field-separator", "\t", "--percent-limit", "0"],
        check=True, capture_output=True, text=True).stdout
    shares = dict.fromkeys([name for name, _ in PARTS] + [REST], 0.0)
    for line in report.splitlines():
        fields = [field.strip() for field in line.split("\t")]
        if line.startswith("#") or len(fields) < 3:
            continue
        function = re.sub(r"\[[.k]\] ", "", fields[2])
        function = re.sub(r"\(anonymous namespace\)::|<[^<>]*>|\(.*", "", function)
        name = f"{fields[1]} {function}"
        part = next((part for part, pattern in PARTS if re.search(pattern, name)), REST)
        shares[part] += float(fields[0].rstrip("%"))
    return milliseconds, shares


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        try:
            columns = {name: profile(arguments.build, case, folder) for name, case in COLUMNS.items()}
        except FileNotFoundError as error:
            sys.exit(f"{error.filename} is missing: install linux-perf, and build with the benchmarks")
        except subprocess.CalledProcessError as error:
            sys.exit(f"{error.cmd[0]} {error.cmd[1]} failed: {error.stderr[-300:]}")
    print("| one thread, batch 64, ms | " + " | ".join(columns) + " |")
    print("|-|" + "-|" * len(columns))
    for part in [name for name, _ in PARTS] + [REST]:
        cells = [f"{step * shares[part] / sum(shares.values()):.1f}" for step, shares in columns.values()]
        print(f"| {part} | " + " | ".join(cells) + " |")
    print("| the step | " + " | ".join(f"{step:.1f}" for step, _ in columns.values()) + " |")


if __name__ == "__main__":
    main()
