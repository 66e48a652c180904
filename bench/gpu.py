#!/usr/bin/env python3
"""dcgan on a GPU: first whether it computes what it should, then how fast, beside PyTorch.

    bench/gpu.py --program dcgan --out results [--minutes 8] [--only checks,step] [--device cuda]

Writes gpu.json after each figure, the most important first, so that a run that is cut off leaves
what it had; what no longer fits into --minutes is left out and named. Prints a line for each. A
rerun adds to the file: only what is missing or failed there is measured. bench/gpu.sh packs all of
this for a machine that has PyTorch and nothing else of dcgan's.

Speeds are images/s of training steps; sides that are compared are measured in turns. On --device
cpu every figure is of the CPU: that tries the script itself.
"""
import argparse
import hashlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from peers import Failed, run

ROOT = Path(__file__).resolve().parent.parent
PYTORCH = ROOT / "bench/pytorch_dcgan.py"
# Everything that a step can have, in fp32, as short as it can be.
ALL_OF_A_STEP = ["data.limit=6400", "train.epochs=1", "train.log_every=1", "train.evaluate_every=0",
                 "train.precision=fp32", "train.r1_gamma=1", "train.r1_every=2",
                 "train.ema_decay=0.99", "train.translation=2"]


class Gpu:
    def __init__(self, arguments):
        self.program, self.device, self.steps = (arguments.program, arguments.device,
                                                 arguments.steps)
        self.folder = Path(tempfile.mkdtemp(prefix="dcgan-gpu-"))
        self.environment = {}  # of dcgan alone
        if arguments.libraries:
            self.environment["LD_LIBRARY_PATH"] = arguments.libraries

    # The sides ----------------------------------------------------------------------------------

    def dcgan(self, *words):
        """Standard output and the cost."""
        return run(limited([self.program, *words]), self.environment)

    def training(self, name, keys, config="mnist-paper"):
        """What `dcgan` is told to train in a new folder of this name."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return ["train", "-q", "--config", config, "--out", self.folder / name,
                "--device", self.device, *(word for key in keys for word in ("--set", key))]

    def train(self, name, keys, config="mnist-paper"):
        """The lines of metrics.jsonl, and the cost."""
        _, cost = self.dcgan(*self.training(name, keys, config))
        return self.lines(name), cost

    def start(self, name, keys):
        """A training that goes on beside this."""
        command = [str(word) for word in (self.program, *self.training(name, keys))]
        return subprocess.Popen(command, env={**os.environ, **self.environment},
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def lines(self, name):
        """Whole ones: a run may be writing the next."""
        path = self.folder / name / "metrics.jsonl"
        text = path.read_text() if path.exists() else ""
        return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]

    def speed(self, graph=True, size=28, channels=1, batch=64, precision="tf32"):
        """Images/s, the median of five stretches; the first one, with the start, is left out."""
        steps = self.steps
        lines, _ = self.train("speed", [
            f"data.image_size=[{size},{size}]", f"data.channels={channels}",
            f"data.limit={min(60000, steps * batch)}", "train.evaluate_every=0",
            "train.sample_every=1000000", "train.checkpoint_every=1000000",
            f"train.batch_size={batch}", f"train.log_every={steps}",
            f"train.epochs={-(-6 * steps * batch // min(60000, steps * batch))}",
            f"train.precision={precision}", f"run.cuda_graph={str(graph).lower()}"])
        rates = [line["images_per_second"] for line in lines if "images_per_second" in line]
        return {"images_per_second": statistics.median(rates[1:])}

    def pytorch(self, *words, action="train"):
        output, cost = run(limited([sys.executable, PYTORCH, action, "--device", self.device,
                                    "--tf32", *words]))
        return json.loads(output), cost

    def peer(self, mode=None, size=28, channels=1, batch=64):
        variant = (["--variant", "compile", "--compile-mode", mode] if mode else
                   ["--variant", "eager"])
        result, _ = self.pytorch(*variant, "--size", size, "--channels", channels, "--batch-size",
                                 batch, "--steps", max(3, self.steps // 5), "--measurements", 5)
        return {"images_per_second": statistics.median(result["images_per_second"])}

    # The checks: each returns whether it holds, and its figure ------------------------------------

    def digest(self, name):
        return hashlib.sha256((self.folder / name / "g.pt").read_bytes()).hexdigest()[:16]

    def plain(self):
        """The run that others are compared with, and whose g.pt is measured."""
        if not (self.folder / "plain/g.pt").exists():
            self.train("plain", ALL_OF_A_STEP)
        return self.folder / "plain/g.pt"

    def largest_difference(self, other, steps=10):
        self.plain()
        pairs = list(zip(self.lines("plain")[:steps], self.lines(other)[:steps]))
        if len(pairs) < steps:
            raise Failed(f"{len(pairs)} steps of {steps} to compare")
        differences = [abs(a[key] - b[key]) for a, b in pairs for key in ("d_loss", "g_loss")]
        return max(differences, key=lambda value: (value != value, value))  # NaN is the largest

    def starts(self):
        output, _ = self.dcgan("--version")
        devices = next(line for line in output.splitlines() if line.startswith("devices:"))
        return self.device in devices, devices

    def equals_the_cpu(self):
        self.plain()
        device, self.device = self.device, "cpu"
        self.interrupt("on-cpu", ALL_OF_A_STEP, after=10)
        self.device = device
        difference = self.largest_difference("on-cpu")
        return difference < 1e-3, f"losses of ten steps within {difference:.1e}"

    def graph_equals_plain(self):
        self.train("graph", [*ALL_OF_A_STEP, "run.cuda_graph=true"])
        log = (self.folder / "graph/train.log").read_text()
        difference = self.largest_difference("graph")
        warning = [line for line in log.splitlines() if "could not be recorded" in line]
        return difference < 1e-4 and not warning, (
            warning[0] if warning else f"losses of ten steps within {difference:.1e}")

    def copies_equal_data_on_device(self):
        self.train("copied", [*ALL_OF_A_STEP, "data.on_device=false"])
        difference = self.largest_difference("copied", steps=100)
        return difference < 1e-4, f"losses of 100 steps within {difference:.1e}"

    def repeats(self):
        self.plain()
        self.train("again", ALL_OF_A_STEP)
        self.train("graph-again", [*ALL_OF_A_STEP, "run.cuda_graph=true"])
        same = [self.digest("plain") == self.digest("again"),
                self.digest("graph") == self.digest("graph-again")]
        return all(same), f"bytes of g.pt equal: plain {same[0]}, recorded {same[1]}"

    def resumes(self):
        """A run that is interrupted, and goes on."""
        self.plain()
        self.interrupt("stopped", ALL_OF_A_STEP)
        stopped = self.lines("stopped")[-1]["step"]
        self.dcgan("train", "-q", "--resume", "--out", self.folder / "stopped")
        same = self.digest("stopped") == self.digest("plain")
        return same and stopped < 100, f"stopped at step {stopped}, bytes of g.pt equal: {same}"

    def interrupt(self, name, keys, after=5):
        process = self.start(name, keys)
        while len(self.lines(name)) < after and process.poll() is None:
            time.sleep(0.005)
        process.send_signal(signal.SIGINT)
        self.wait(process)

    @staticmethod
    def wait(process, seconds=60):
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def stops_at_nan(self):
        try:
            self.train("nan", [*ALL_OF_A_STEP, "model.init_deviation=1e30"])
        except Failed as failure:
            return "not a finite number" in str(failure), str(failure).splitlines()[-1][:120]
        return False, "it went on"

    def keeps_its_memory(self):
        """Of the GPU, by nvidia-smi, from a tenth of 20,000 steps on."""
        steps = 20000 if self.device == "cuda" else 50
        keys = ["train.evaluate_every=0", "data.limit=6400", f"train.epochs={steps // 100 or 1}",
                "train.log_every=100", "train.sample_every=1000000",
                "train.checkpoint_every=1000000", "run.cuda_graph=true"]
        process = self.start("long", keys)
        used = []
        end = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < end:
            if len(self.lines("long")) > steps // 1000:
                used.append(gpu_memory())
            time.sleep(0.5)
        self.wait(process, 0 if time.monotonic() > end else 60)
        if process.returncode != 0 or not used:
            return False, f"exit code {process.returncode}, {len(used)} readings"
        if used[0] == 0:
            return False, "nvidia-smi says nothing of the memory"
        return max(used) <= used[0] + 2, f"{used[0]} MiB, then at most {max(used)} MiB"

    def checks(self):
        return {check.__name__: check for check in (
            self.starts, self.equals_the_cpu, self.graph_equals_plain, self.repeats, self.resumes,
            self.copies_equal_data_on_device, self.stops_at_nan)}

    # The figures: each a dict of sides, a function and the rounds ---------------------------------

    def epochs(self):
        """Five epochs of MNIST with R1, EMA, samples, checkpoints and evaluation: the process."""
        _, cost = self.train("five", ["train.epochs=5", "run.cuda_graph=true"], config="mnist")
        return {"seconds": cost["seconds"]}

    def whole(self):
        """configs/mnist.yaml to its end: its best fid, and the minutes until then."""
        lines, cost = self.train("whole", ["run.cuda_graph=true"], config="mnist")
        best = min((line for line in lines if "fid" in line), key=lambda line: line["fid"])
        return {"fid": best["fid"], "minutes": best["seconds"] / 60,
                "minutes_of_the_run": cost["seconds"] / 60}

    def sample(self):
        _, cost = self.dcgan("sample", "--ckpt", self.plain(), "-n", self.samples(), "--out",
                             self.folder / "images.npy", "--device", self.device)
        return {"seconds": cost["seconds"]}

    def samples(self):
        return 100000 if self.device == "cuda" else 1000

    def peer_sample(self, mode=None):
        variant = ["--variant", "compile", "--compile-mode", mode] if mode else [
            "--variant", "channels_last"]
        result, cost = self.pytorch("-n", self.samples(), "--batch-size", 1000, "--out",
                                    self.folder / "peer.npy", *variant, action="sample")
        return {"seconds": cost["seconds"], "loop_seconds": result["seconds"]}

    def evaluate(self):
        output, cost = self.dcgan("evaluate", "--ckpt", self.plain(), "--samples",
                                  10000 if self.device == "cuda" else 500, "--device", self.device,
                                  "--json")
        return {"seconds": cost["seconds"], "fid": json.loads(output)["measures"]["fid"]["value"]}

    def convolutions(self):
        batch = 1024 if self.device == "cuda" else 64
        result, _ = self.pytorch("--batch-size", batch, action="convolutions")
        return {"images_per_second": batch * 1000 / result["milliseconds"]}

    def sections(self):
        """In the order of their importance: name -> (seconds it may take, rounds, sides)."""
        large = 1024 if self.device == "cuda" else 64
        colour = {"size": 64, "channels": 3, "batch": 128 if self.device == "cuda" else 16}
        return {
            "step": (60, 2, {"dcgan": self.speed, "dcgan, plain": lambda: self.speed(graph=False),
                             "eager": self.peer}),
            "step, compiled": (100, 1, {"dcgan": self.speed,
                                        "reduce-overhead": lambda: self.peer("reduce-overhead")}),
            "batch 1024": (40, 2, {"dcgan": lambda: self.speed(batch=large),
                                   "convolutions": self.convolutions}),
            "five epochs": (30, 2, {"dcgan": self.epochs}),
            "64x64x3 batch 128": (120, 1, {
                "dcgan": lambda: self.speed(**colour),
                "dcgan, bf16": lambda: self.speed(precision="bf16", **colour),
                "reduce-overhead": lambda: self.peer("reduce-overhead", **colour)}),
            "sample": (40, 2, {"dcgan": self.sample, "channels_last": self.peer_sample}),
            "evaluate": (15, 2, {"dcgan": self.evaluate}),
            "step, autotuned": (120, 1, {"dcgan": self.speed,
                                         "max-autotune": lambda: self.peer("max-autotune")}),
            "64x64x3 batch 128, autotuned": (150, 1, {
                "dcgan": lambda: self.speed(**colour),
                "max-autotune": lambda: self.peer("max-autotune", **colour)}),
            "mnist.yaml": (120, 1, {"dcgan": self.whole}),
            "sample, compiled": (60, 1, {"compile": lambda: self.peer_sample("reduce-overhead")}),
        }


def limited(command, seconds=240):
    """Ends what hangs: a borrowed machine has other figures to give."""
    return ["timeout", "-k", 5, seconds, *command]


def nvidia_smi(query):
    try:
        output, _ = run(["nvidia-smi", f"--query-gpu={query}", "--format=csv,noheader,nounits"])
        return output.splitlines()[0].strip()
    except (Failed, FileNotFoundError, IndexError):
        return ""


def gpu_memory():
    return int(nvidia_smi("memory.used") or 0)


def median_of(rounds):
    keys = [key for key, value in rounds[0].items() if isinstance(value, (int, float))]
    return {key: statistics.median(entry[key] for entry in rounds) for key in keys}


def describe(sides):
    """"dcgan 90,000  eager 10,000  (9.00 x)" of what each side's rounds gave."""
    medians = {name: median_of(rounds) for name, rounds in sides.items()}
    text = [f"{name} " + " ".join(f"{key} {value:,.3f}" if value < 100 else f"{key} {value:,.0f}"
                                  for key, value in medians[name].items()) for name in medians]
    ours, key = medians.get("dcgan"), "images_per_second"
    text += [f"(dcgan / {name}: {ours[key] / of[key]:.2f})" for name, of in medians.items()
             if ours and name != "dcgan" and key in of]
    return "; ".join(text)


def measure(gpu, arguments):
    path = arguments.out / "gpu.json"
    results = json.loads(path.read_text()) if path.exists() else {"checks": {}, "sections": {}}
    results.update(gpu=nvidia_smi("name"), driver=nvidia_smi("driver_version"),
                   device=arguments.device)
    results["python"], _ = run([sys.executable, "-c", "import torch; print(torch.__version__)"])
    results["libtorch"], _ = gpu.dcgan("--version")
    wanted = arguments.only.split(",") if arguments.only else [""]
    is_wanted = lambda name: any(name.startswith(start) for start in wanted)
    end = time.monotonic() + 60 * arguments.minutes

    def keep(kind, name, value, text):
        results[kind][name] = value
        path.write_text(json.dumps(results, indent=1) + "\n")
        print(f"{60 * arguments.minutes - (end - time.monotonic()):5.0f} s  {name}: {text}",
              flush=True)

    def judge(name, check):
        if not is_wanted("checks") or results["checks"].get(name, {}).get("holds"):
            return
        try:
            holds, figure = check()
        except Exception as problem:  # whatever it is: the figures after it are worth more
            holds, figure = False, f"{type(problem).__name__}: {problem}"
        keep("checks", name, {"holds": holds, "figure": figure},
             f"{'holds' if holds else 'FAILS'}, {figure}")

    for name, check in gpu.checks().items():
        judge(name, check)
    for name, (seconds, rounds, sides) in gpu.sections().items():
        before = results["sections"].get(name, {})
        if not is_wanted(name) or ("rounds" in before and not before["failed"]):
            continue
        if time.monotonic() + seconds > end:
            keep("sections", name, {}, f"left out: it may take {seconds} s")
            continue
        found, failed = {side: [] for side in sides}, {}
        for _ in range(rounds):
            for side, work in sides.items():
                if side in failed:
                    continue
                try:
                    found[side].append(work())
                except Exception as problem:
                    failed[side] = f"{type(problem).__name__}: {problem}"
        found = {side: of for side, of in found.items() if of}
        keep("sections", name, {"rounds": rounds, "sides": found, "failed": failed},
             "; ".join(filter(None, [describe(found), *(f"{side} FAILED: {why}"
                                                        for side, why in failed.items())])))
    if time.monotonic() + 60 < end:
        judge("keeps_its_memory", gpu.keeps_its_memory)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", type=Path, required=True)
    parser.add_argument("--libraries", help="LD_LIBRARY_PATH of the program")
    parser.add_argument("--out", type=Path, required=True, help="folder for gpu.json")
    parser.add_argument("--minutes", type=float, default=8)
    parser.add_argument("--steps", type=int, default=500, help="of one measurement of images/s")
    parser.add_argument("--only", help="checks or sections, comma-separated; a start is enough")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    arguments = parser.parse_args()
    arguments.program = arguments.program.resolve()
    arguments.out = arguments.out.resolve()
    arguments.out.mkdir(parents=True, exist_ok=True)
    gpu = Gpu(arguments)
    try:
        measure(gpu, arguments)
    except Failed as failure:
        sys.exit(str(failure))
    finally:
        shutil.rmtree(gpu.folder, ignore_errors=True)


if __name__ == "__main__":
    main()
