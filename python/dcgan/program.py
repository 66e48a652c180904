"""Runs the native program, which lies in this package."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_OWN = Path(__file__).parent / "bin" / "dcgan"
PROGRAM = str(_OWN) if _OWN.exists() else "dcgan"  # beside the sources: that of the PATH


class Error(RuntimeError):
    """What is wrong with a file, a configuration or a run, in the program's words."""


def run(arguments: list[str]) -> None:
    """Runs the program to its end. Raises Error where it fails."""
    command = [PROGRAM, *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    _check(done.returncode, done.stderr)


def train(
    config: str | os.PathLike[str] | Mapping[str, Any],
    callback: Callable[[dict[str, Any]], object] | None = None,
    *,
    out: str | os.PathLike[str] | None = None,
    overrides: Mapping[str, Any] | None = None,
) -> Path:
    """Trains a DCGAN and returns the path of its g.pt.

    config: a YAML file, the name of a configuration that comes with dcgan ("mnist.yaml"), or a
    dictionary such as {"data": {"path": "pictures", "format": "folder"}, "train": {"epochs": 5}},
    in which relative paths start from the working folder.

    callback: called with each line of metrics.jsonl as a dictionary: "step", "epoch", "d_loss",
    "g_loss" and more, or "fid" of an evaluation (docs/file-formats.md). Without one the program's
    progress goes to sys.stderr.

    out: the run directory; default: a new runs/<config>-NNN.

    overrides: keys that replace the configuration's: {"train.epochs": 5, "seed": 2}.

    Raises Error with the program's message where it fails. KeyboardInterrupt (Ctrl-C), and whatever
    else the callback raises, stops the run, which writes a checkpoint first; the command
    `dcgan train --resume --out DIR` continues it.
    """
    text = _to_yaml(config) if isinstance(config, Mapping) else ""
    name = "-" if isinstance(config, Mapping) else os.fspath(config)
    command = [PROGRAM, "train", "--config", name]
    command += [] if out is None else ["--out", os.fspath(out)]
    for key, value in (overrides or {}).items():
        command += ["--set", f"{key}={value if isinstance(value, str) else _to_yaml(value)}"]
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "stderr")
        with log.open("w") as stderr:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                text=True,
                start_new_session=True,  # Ctrl-C reaches us alone, and we pass it on once
            )
        assert process.stdin is not None
        try:
            with process.stdin as stdin:
                stdin.write(text)
        except BrokenPipeError:
            pass  # it has ended already, and says why
        run_directory = _follow(process, log, callback)
        _check(process.returncode, log.read_text(errors="replace"))
    return run_directory / "g.pt"


def _follow(
    process: subprocess.Popen[str], log: Path, callback: Callable[[dict[str, Any]], object] | None
) -> Path:
    """Passes on what the process says until it ends. Returns its run directory."""
    announcement = "run directory: "
    messages = _Lines(log)
    metrics = None
    run_directory = Path()
    is_running, is_error = True, False
    try:
        while is_running:
            time.sleep(0.05)
            is_running = process.poll() is None  # before reading: its last lines are then there
            for line in messages.read():
                if line.startswith(announcement):
                    run_directory = Path(line[len(announcement) :].rstrip("\n")).resolve()
                    metrics = _Lines(run_directory / "metrics.jsonl")
                is_error = is_error or line.startswith("dcgan: ")  # which becomes the exception
                if not is_error and (callback is None or line.startswith("warning: ")):
                    sys.stderr.write(line)
            if callback is not None and metrics is not None:
                for line in metrics.read():
                    callback(json.loads(line))
    except BaseException:
        process.send_signal(signal.SIGINT)
        process.wait()
        sys.stderr.writelines(messages.read())  # the command that continues the run
        raise
    return run_directory


class _Lines:
    """The lines that a file gains while another process writes it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._offset = 0

    def read(self) -> list[str]:
        if not self._path.exists():
            return []
        with self._path.open("rb") as file:
            file.seek(self._offset)
            whole = [line for line in file if line.endswith(b"\n")]
        self._offset += sum(map(len, whole))
        return [line.decode(errors="replace") for line in whole]


def _to_yaml(value: Any) -> str:
    return json.dumps(value, default=os.fspath)  # JSON is YAML


def _check(exit_code: int, messages: str) -> None:
    """Raises what the program said last: "dcgan: ", and further lines indented."""
    if exit_code != 0:
        message = ("\n" + messages).rpartition("\ndcgan: ")[2].replace("\n       ", "\n").strip()
        raise Error(message or f"dcgan ended with exit code {exit_code}")
