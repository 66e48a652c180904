#!/usr/bin/env python3
"""dcgan compared with PyTorch, with a C++ loop on LibTorch, and with its convolutions alone.

    bench/peers.py --build build/apt [--build build/pip] --python .venv/bin/python
                   [--only step,start] [--rounds 5]

Each section is measured --rounds times, its sides in turns, and written with every round's raw
value to peers-<LibTorch>.json in --results (default bench/results), where sections that are not
measured again stay. Several builds share the same runs of Python. bench/performance.py makes the
tables of the documents from these files. The machine should be idle.

--build is a build folder with the benchmarks (-DDCGAN_BUILD_BENCHMARKS=ON); --python has torch,
numpy and pillow. Only the standard library is needed here. bench/peers.sh does all of it.
"""
import argparse
import gzip
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAPER = ROOT / "configs/mnist-paper.yaml"
MNIST = ROOT / "data/mnist"
# What dcgan itself tells glibc: keep freed memory for the next step.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": "33554432", "MALLOC_TRIM_THRESHOLD_": "1073741824",
               "MALLOC_TOP_PAD_": "16777216"}
KEPT = ", allocator kept"
STEPS = 50
VARIANTS = ["eager", "channels_last", "fused", "compile"]
PYTHON = [*VARIANTS, "g.pt", "PyTorch"]


class Failed(Exception):
    pass


def run(command, env=None):
    """Standard output, and the seconds, processor seconds and peak memory in MB of one process."""
    start = time.perf_counter()
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE,
                                   stderr=errors, text=True, env={**os.environ, **(env or {})})
        output = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            errors.seek(0)
            tail = "".join(errors.readlines()[-3:])
            raise Failed(f"{command[0]} failed with exit code {process.returncode}: {tail}")
    return output, {"seconds": time.perf_counter() - start,
                    "processor_seconds": usage.ru_utime + usage.ru_stime,
                    "memory_mb": usage.ru_maxrss / 1024}


def twice(variants, measure, **more):
    """Each variant as a side, with malloc as shipped and tuned to keep freed memory."""
    return {variant + KEPT * kept: lambda v=variant, k=kept: measure(v, kept=k, **more)
            for variant in variants for kept in (False, True)}


class Bench:
    """One build. A section's sides: name -> function that measures once."""

    def __init__(self, build, arguments):
        self.bin = Path(build) / "bin"
        self.python = arguments.python
        self.threads = arguments.threads
        self.steps = arguments.steps
        self.folder = Path(tempfile.mkdtemp(prefix="peers-"))
        self.libtorch = json.loads(run([self.bin / "step_limit", 8, 1, 4, 4, 1, 1])[0])["libtorch"]

    # The sides ----------------------------------------------------------------------------------

    def dcgan_train(self, size=28, channels=1, batch=64, steps=None, measurements=3,
                    precision="fp32"):
        """A run without its evaluation: images/s from the log, the first measurement left out."""
        steps = steps or self.steps
        out = self.folder / "run"
        _, cost = run([self.bin / "dcgan", "train", "-q", "--config", PAPER, "--out", out,
                       "--device", "cpu", "--threads", self.threads,
                       "--set", f"data.image_size=[{size},{size}]",
                       "--set", f"train.precision={precision}",
                       "--set", f"data.channels={channels}", "--set", f"train.batch_size={batch}",
                       "--set", "train.epochs=1",
                       "--set", f"data.limit={(1 + measurements) * steps * batch}",
                       "--set", f"train.log_every={steps}", "--set", "train.evaluate_every=0"])
        lines = [json.loads(line) for line in (out / "metrics.jsonl").open()]
        shutil.rmtree(out)
        rates = [line["images_per_second"] for line in lines if "images_per_second" in line]
        return {"images_per_second": statistics.median(rates[1:]), "memory_mb": cost["memory_mb"]}

    def pytorch_train(self, variant, size=28, channels=1, batch=64, kept=False, bf16=False,
                      steps=None):
        output, cost = run([self.python, ROOT / "bench/pytorch_dcgan.py", "train",
                            "--variant", variant, "--size", size, "--channels", channels,
                            "--batch-size", batch, "--threads", self.threads,
                            "--steps", steps or self.steps] + (["--bf16"] if bf16 else []),
                           KEEP_MEMORY if kept else None)
        return {"images_per_second": statistics.median(json.loads(output)["images_per_second"]),
                "memory_mb": cost["memory_mb"]}

    def step_limit(self, size=28, channels=1, base=64, batch=64, threads=None, precision="fp32"):
        """One round of bench/step_limit.cpp."""
        output, _ = run([self.bin / "step_limit", size, channels, base, batch,
                         threads or self.threads, 1, precision])
        result = json.loads(output)
        return {**result["rounds"][0], "layers": result["layers_of_the_last_round"]}

    def generator(self):
        """A g.pt of configs/mnist-paper.yaml, of ten steps."""
        out = self.folder / "for-sampling"
        if not out.exists():
            run([self.bin / "dcgan", "train", "-q", "--config", PAPER, "--out", out, "--device",
                 "cpu", "--set", "train.epochs=1", "--set", "data.limit=640",
                 "--set", "train.evaluate_every=0"])
        return out / "g.pt"

    def dcgan_sample(self, count, name):
        target = self.folder / name
        _, cost = run([self.bin / "dcgan", "sample", "--ckpt", self.generator(), "-n", count,
                       "--out", target, "--device", "cpu", "--threads", self.threads])
        return cost

    def pytorch_sample(self, variant="eager", *, count, name, kept=False, ckpt=False):
        """The whole process, and as loop_seconds what it takes once torch and G are loaded."""
        output, cost = run([self.python, ROOT / "bench/pytorch_dcgan.py", "sample", "-n", count,
                            "--out", self.folder / name, "--variant", variant,
                            "--threads", self.threads] +
                           (["--ckpt", self.generator()] if ckpt else []),
                           KEEP_MEMORY if kept else None)
        return {**cost, "loop_seconds": json.loads(output)["seconds"]}

    # The sections -------------------------------------------------------------------------------

    def step(self):
        return {"dcgan": self.dcgan_train, **twice(VARIANTS, self.pytorch_train)}

    def bf16(self):
        return {"dcgan": lambda: self.dcgan_train(precision="bf16"),
                "step_limit": lambda: self.step_limit(precision="bf16"),
                **twice(VARIANTS, self.pytorch_train, bf16=True)}

    def size(self, size, channels, batch, steps):
        steps = max(3, steps * self.steps // STEPS)
        shape = {"size": size, "channels": channels, "batch": batch, "steps": steps}
        return {"dcgan": lambda: self.dcgan_train(**shape),
                **twice(["eager", "fused", "compile"], self.pytorch_train, **shape)}

    def epoch(self):
        """A whole epoch of MNIST, start and checkpoint included, and that of the C++ loop."""
        unpacked = self.folder / "mnist"
        unpacked.mkdir()
        for path in MNIST.glob("*.gz"):
            (unpacked / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        out = self.folder / "epoch"

        def dcgan():
            _, cost = run([self.bin / "dcgan", "train", "-q", "--config", PAPER, "--out", out,
                           "--device", "cpu", "--threads", self.threads, "--set", "train.epochs=1"])
            shutil.rmtree(out)
            return cost

        return {
            "dcgan": dcgan,
            "textbook": lambda: run([self.bin / "textbook_dcgan", unpacked, self.threads, 60000])[1]}

    def limit(self):
        return {"step_limit": self.step_limit, "dcgan": self.dcgan_train}

    def curves(self):
        """The time of a step and of its convolutions alone, one setting changed at a time."""
        one = [{"batch": b} for b in (8, 16, 32, 64, 128, 256, 512, 1024)]
        one += [{"base": b} for b in (16, 32, 128)] + [{"size": s} for s in (32, 64, 128)]
        one += [{"threads": 1}]
        sides = {}
        for change in one:
            # The largest maps in smaller batches, which need less memory and time.
            change = {**change, **({"batch": 16} if change.get("size", 0) >= 128 else {})}
            name = ", ".join(f"{key} {value}" for key, value in change.items())
            sides[name] = lambda c=change: self.step_limit(**c)
        return sides

    def sampling(self):
        peer = {"count": 10000, "name": "peer.npy"}
        return {"dcgan": lambda: self.dcgan_sample(10000, "images.npy"),
                **twice(["eager", "channels_last", "compile"], self.pytorch_sample,
                        **peer),
                "g.pt": lambda: self.pytorch_sample(ckpt=True, **peer)}

    def start(self):
        """64 images as a grid, from the command to its end."""
        return {
            "dcgan": lambda: self.dcgan_sample(64, "grid.png"),
            "PyTorch": lambda: self.pytorch_sample(count=64, name="peer.png", ckpt=True)}

    def load(self):
        """Images/s on idle cores, beside one busy process, and beside one on each core."""
        def beside(processes, measure):
            with busy_processes(processes):
                return measure()

        fused = lambda: self.pytorch_train("fused", steps=10)
        ours = lambda: self.dcgan_train(steps=10, measurements=7)
        return {name + suffix: lambda m=measure, p=processes: beside(p, m)
                for processes, suffix in ((0, ""), (1, ", one beside"),
                                          (os.cpu_count(), ", busy"))
                for name, measure in (("dcgan", ours), ("fused", fused))}

    def sections(self):
        sizes = {f"{size}x{size}x{channels} batch {batch}":
                 lambda s=size, c=channels, b=batch, t=steps: self.size(s, c, b, t)
                 for size, channels, batch, steps in
                 ((32, 3, 64, 30), (32, 3, 128, 15), (64, 3, 64, 6), (64, 3, 128, 3))}
        return {"step": self.step, "bf16": self.bf16, "epoch": self.epoch,
                "limit": self.limit, "sampling": self.sampling, "start": self.start,
                "load": self.load, **sizes, "curves": self.curves}


def measure_in_turns(rounds, sides_of_builds):
    """From a dict of sides for each build to a dict of lists of results, one a round, yielded after
    every round. Python's sides are measured once a round for all builds. A side that fails is
    reported and left out of the later rounds."""
    found = [{"sides": {name: [] for name in sides}} for sides in sides_of_builds]
    everywhere = list(range(len(found)))

    def measure(name, builds):
        if any(name in found[build].get("failed", {}) for build in builds):
            return
        try:
            result = sides_of_builds[builds[0]][name]()
            for build in builds:
                found[build]["sides"][name].append(result)
        except Failed as failure:
            print(f"  {name}: {failure}", file=sys.stderr)
            for build in builds:
                found[build].setdefault("failed", {})[name] = str(failure)
                del found[build]["sides"][name]

    for number in range(rounds):
        for name in sides_of_builds[0]:
            shared = name.split(",")[0] in PYTHON
            for builds in [everywhere] if shared else [[build] for build in everywhere]:
                measure(name, builds)
        print(f"  round {number + 1} of {rounds}", file=sys.stderr)
        yield [{"rounds": number + 1, **results} for results in found]


@contextmanager
def busy_processes(processes):
    workers = [subprocess.Popen([sys.executable, "-c", "while True: pass"])
               for _ in range(processes)]
    try:
        yield
    finally:
        for worker in workers:
            worker.kill()
            worker.wait()


def cpu_name():
    lines = dict(line.split(":", 1) for line in Path("/proc/cpuinfo").read_text().splitlines()
                 if ":" in line)
    lines = {key.strip(): value.strip() for key, value in lines.items()}
    flags = lines.get("flags", "").split()
    best = next((name for flag, name in (("avx512_bf16", "AVX-512 with bf16"),
                                         ("avx512f", "AVX-512"), ("avx2", "AVX2"))
                 if flag in flags), "no AVX2")
    return f"{lines.get('model name', platform.machine())}, {best}"


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", required=True, type=Path, action="append")
    parser.add_argument("--python", required=True)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=STEPS,
                        help="steps of one measurement of images/s at 28x28 (default "
                             "%(default)s); fewer on a slow machine")
    parser.add_argument("--only", help="sections, comma-separated; a start of the name is enough")
    parser.add_argument("--results", type=Path, default=ROOT / "bench/results",
                        help="folder (default bench/results)")
    arguments = parser.parse_args()

    benches = []
    try:
        for build in arguments.build:
            benches.append(Bench(build, arguments))
        peer = run([arguments.python, "-c", "import torch; print(torch.__version__)"])[0].strip()
        wanted = arguments.only.split(",") if arguments.only else [""]
        sections = [bench.sections() for bench in benches]
        for name in sections[0]:
            if not any(name.startswith(start) for start in wanted):
                continue
            print(name, file=sys.stderr)
            sides = [of_build[name]() for of_build in sections]
            for found in measure_in_turns(arguments.rounds, sides):
                for bench, results in zip(benches, found):
                    write(arguments.results / f"peers-{bench.libtorch}.json", name,
                          {"libtorch": bench.libtorch, "pytorch": peer, "cpu": cpu_name(),
                           "threads": arguments.threads, **results})
    except Failed as failure:
        sys.exit(str(failure))
    finally:
        for bench in benches:
            shutil.rmtree(bench.folder, ignore_errors=True)


def write(path, name, section):
    """Replaces a section of as many or fewer rounds, so that an interrupted one does not replace a
    longer one. Read again, since another process may have written its own meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    results = json.loads(path.read_text()) if path.exists() else {}
    if results.get(name, section)["rounds"] <= section["rounds"]:
        path.write_text(json.dumps({**results, name: section}, indent=1) + "\n")


if __name__ == "__main__":
    main()
