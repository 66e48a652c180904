#!/usr/bin/env python3
"""The Python package (python/dcgan) with the build's program: PYTHONPATH holds both.

Exit code 77, for ctest: skipped, since what the package needs is not installed.
"""

import contextlib
import io
import os
import pickle
import re
import signal
import subprocess
import sys
import tempfile
import unittest
import zipfile
from pathlib import Path

try:
    import numpy as np
    import torch
    import yaml  # noqa: F401
except ImportError as error:
    print(f"skipped: {error}")
    sys.exit(77)

import dcgan
from dcgan.generator import NONLINEARITIES

SOURCE = Path(__file__).resolve().parents[2]
TINY = {
    "data.path": str(SOURCE / "data/mnist"),
    "data.limit": 64,
    "model.latent_dim": 24,
    "model.base_channels": 2,
    "model.max_channels": 8,
    "model.dense_widths": [8, 16],
    "train.epochs": 1,
    "train.batch_size": 16,
    "train.log_every": 1,
    "train.evaluate_every": 0,
    "run.sample_count": 4,
}
# Every activation, kind, output and kind of layer.
CASES = {
    "relu": {},
    "leaky_relu": {
        "generator.slope": 0.3,
        "generator.output": "sigmoid",
        "generator.norm": "none",
        "generator.extra_layers": 1,
        "data.image_size": [21, 13],
    },
    "elu": {"model.latent_modes": 3, "generator.extra_layers": 2, "data.image_size": [32, 16]},
    "selu": {"model.latent_modes": 10, "model.classes": 10},
    "gelu": {"model.kind": "dense"},
    "swish": {
        "generator.slope": 1.5,
        "generator.output": "sigmoid",
        "generator.norm": "none",
        "model.kind": "dense",
        "model.latent_modes": 20,
        "model.classes": 10,
    },
}
# Every norm and enlargement, with what else decides which layers there are.
STRUCTURES = {
    "layer": {"generator.norm": "layer", "model.upsampling": "nearest"},
    "dense_layer": {"generator.norm": "layer", "model.kind": "dense"},
    "instance": {
        "generator.norm": "instance",
        "model.upsampling": "bilinear",
        "generator.extra_layers": 1,
        "data.image_size": [21, 13],
    },
    "spectral": {"generator.norm": "spectral", "model.upsampling": "nearest"},
    "dense_spectral": {"generator.norm": "spectral", "model.kind": "dense"},
    "batch_all": {"generator.norm": "batch_all"},
}


def tiny_config(keys):
    config = {}
    for key, value in {**TINY, **keys}.items():
        section, name = key.split(".")
        config.setdefault(section, {})[name] = value
    return config


def train_quietly(keys, out, callback=lambda metrics: None):
    with contextlib.redirect_stderr(io.StringIO()):
        return dcgan.train(tiny_config(keys), callback, out=out)


class Package(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls._folder = tempfile.TemporaryDirectory()
        cls.folder = Path(cls._folder.name)
        cls.files = {
            activation: train_quietly(
                {"generator.activation": activation, **keys}, cls.folder / activation
            )
            for activation, keys in CASES.items()
        }
        for name, keys in STRUCTURES.items():
            cls.files[name] = train_quietly(keys, cls.folder / name)

    @classmethod
    def tearDownClass(cls):
        cls._folder.cleanup()

    def test_has_every_activation_of_the_table(self):
        table = (SOURCE / "src/model/nonlinearity.h").read_text()
        rows = re.findall(r'^    \{"(\w+)", (?:true|false), "([^"]+)"', table, re.MULTILINE)
        self.assertEqual([name for name, _ in rows], list(NONLINEARITIES))
        x = torch.linspace(-3, 3, 101)
        for name, torchscript in rows:
            wanted = eval(torchscript.format(0.3), {"torch": torch.ops.aten, "x": x})
            torch.testing.assert_close(NONLINEARITIES[name](x, 0.3), wanted, msg=name)

    def test_trains_a_generator_with_each_activation(self):
        header = (SOURCE / "include/dcgan/config.h").read_text()
        activations = re.search(r"enum class Activation \{ (.*) \}", header).group(1)
        self.assertEqual(list(CASES), activations.split(", "))

    def test_module_computes_what_the_torchscript_does(self):
        for name, file in self.files.items():
            with self.subTest(name), torch.no_grad():
                module = dcgan.load(file)
                script = torch.jit.load(str(file))
                z = torch.randn(16, module.latent_dim)
                images = module(z)
                self.assertEqual(images.shape[1:], module.image_shape)
                torch.testing.assert_close(images, script(z), rtol=0, atol=1e-5)
                self.assertEqual((module.latent_dim, module.step), (script.latent_dim, script.step))
                self.assertEqual(
                    {key for key in module.state_dict() if "num_batches" not in key},
                    set(script.state_dict()),
                )

    def test_module_is_in_eval_mode_and_can_be_trained(self):
        for name in ("relu", *STRUCTURES):
            module = dcgan.load(self.files[name])
            self.assertFalse(module.training)
            module.train()(torch.randn(4, module.latent_dim)).square().sum().backward()
            self.assertTrue(all(p.grad is not None for p in module.parameters()), name)

    def test_loading_leaves_the_random_generator_alone(self):
        before = torch.get_rng_state()
        dcgan.load(self.files["gelu"])
        self.assertTrue(torch.equal(before, torch.get_rng_state()))

    def test_samples_are_those_of_the_command(self):
        for name, file in self.files.items():
            with self.subTest(name):
                module = dcgan.load(file.parent)  # a run directory is as good
                options = {"classes": [3, 1]} if module.class_names else {}
                out = self.folder / "images.npy"
                command = [sys.executable, "-m", "dcgan", "sample", "--ckpt", str(file)]
                command += ["-n", "5", "--seed", "7", "--out", str(out)]
                command += ["--class", "3,1"] if options else []
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
                images = module.sample(5, seed=7, **options)
                self.assertEqual(images.dtype, np.uint8)
                self.assertEqual(images.shape, (5, *module.image_shape[1:]))
                self.assertTrue(np.array_equal(images, np.load(out)))
                if options:
                    self.assertTrue(np.array_equal(images, module.sample(5, seed=7, classes="3,1")))

    def test_class_is_chosen_by_its_latent(self):
        module = dcgan.load(self.files["selu"])
        self.assertEqual(module.class_names, [str(c) for c in range(10)])
        z = torch.randn(4, module.latent_dim)
        z[:, 7] = 100
        other = z.clone()
        other[:, 7] = 50
        self.assertTrue(torch.equal(module(z), module(other)))

    def test_colours(self):
        pixels = np.random.default_rng(1).integers(0, 256, (64, 16, 16, 3), np.uint8)
        np.save(self.folder / "colours.npy", pixels)
        keys = {"data.path": self.folder / "colours.npy", "data.format": "npy", "data.channels": 3}
        module = dcgan.load(
            train_quietly({**keys, "data.image_size": [16, 16]}, self.folder / "colours")
        )
        self.assertEqual(module(torch.randn(2, module.latent_dim)).shape, (2, 3, 16, 16))
        self.assertEqual(module.sample(2).shape, (2, 16, 16, 3))

    @unittest.skipIf(int(torch.__version__.split(".")[0]) < 2, "torch.export came with PyTorch 2")
    def test_torch_export_and_compile_take_it(self):
        for name in ("relu", "selu", "swish", "instance", "spectral"):
            with self.subTest(name), torch.no_grad():
                module = dcgan.load(self.files[name])
                z = torch.randn(3, module.latent_dim)
                batch = {"z": {0: torch.export.Dim("batch")}}
                exported = torch.export.export(module, (z,), dynamic_shapes=batch).module()
                compiled = torch.compile(module, fullgraph=True, backend="aot_eager")
                more = torch.randn(8, module.latent_dim)
                torch.testing.assert_close(exported(more), module(more))
                torch.testing.assert_close(compiled(more), module(more))

    def test_refuses_to_sample_other_weights_than_the_files(self):
        module = dcgan.load(self.files["relu"])
        with torch.no_grad():
            module.layer1.weight += 1
        with self.assertRaisesRegex(dcgan.Error, "weights are not this module's"):
            module.sample(1)

    def test_names_a_missing_file(self):
        for path in ("nosuch.pt", "relu/checkpoints"):  # a folder without g.pt
            with self.assertRaisesRegex(dcgan.Error, r"\.pt: no such file.*; name a g.pt or the"):
                dcgan.load(self.folder / path)

    def test_errors_of_samples_name_arguments(self):
        module = dcgan.load(self.files["relu"])
        for arguments, message in (
            ({"n": 0}, "^n must be an integer from 1"),
            ({"seed": -1}, "^seed must be an integer from 0"),
            ({"classes": "a,b"}, "^classes: .* knows no classes; leave classes out"),
        ):
            with self.subTest(arguments), self.assertRaisesRegex(dcgan.Error, message):
                module.sample(**arguments)

    def test_refuses_a_checkpoint(self):
        checkpoint = next((self.folder / "relu/checkpoints").glob("*.pt"))
        with self.assertRaisesRegex(dcgan.Error, "a dcgan checkpoint, .* a dcgan generator"):
            dcgan.load(checkpoint)

    def test_refuses_damaged_files(self):
        whole = self.files["relu"].read_bytes()
        file = self.folder / "damaged.pt"
        flipped = bytearray(whole)
        flipped[whole.index(b"PK\1\2") // 2] ^= 1  # in a tensor
        truncated = [whole[: len(whole) * i // 9] for i in range(9)]
        for damaged in (b"no zip", bytes(flipped), *truncated):
            file.write_bytes(damaged)
            with self.assertRaisesRegex(dcgan.Error, "damaged"):
                dcgan.load(file)

    def test_refuses_tensors_of_another_configuration(self):
        file = self.folder / "other.pt"
        text = (self.files["relu"].parent / "config.yaml").read_bytes()
        rewrite(self.files["relu"], file, {"extra/config.yaml": text.replace(b"28, 28", b"28, 30")})
        with self.assertRaisesRegex(dcgan.Error, "not those of its configuration"):
            dcgan.load(file)

    def test_executes_nothing_that_a_file_holds(self):
        class Evil:
            def __reduce__(self):
                return os.mkdir, (evidence,)

        evidence = str(self.folder / "executed")
        file = self.folder / "evil.pt"
        rewrite(self.files["relu"], file, {"data.pkl": pickle.dumps(Evil())})
        with self.assertRaisesRegex(dcgan.Error, "damaged, or no g.pt"):
            dcgan.load(file)
        self.assertFalse(os.path.exists(evidence))

    def test_callback_gets_each_line_of_the_metrics(self):
        lines = []
        file = train_quietly({}, self.folder / "called", lines.append)
        self.assertEqual(file, self.folder / "called/g.pt")
        self.assertEqual([line["step"] for line in lines], [1, 2, 3, 4])
        self.assertTrue(all(isinstance(line["d_loss"], float) for line in lines))

    def test_overrides_keys_of_a_shipped_configuration(self):
        overrides = {**TINY, "data.image_size": [16, 16]}
        with contextlib.redirect_stderr(io.StringIO()) as log:
            file = dcgan.train("smoke", out=self.folder / "shipped", overrides=overrides)
        self.assertEqual(dcgan.load(file).image_shape, (1, 16, 16))
        self.assertIn("epoch 1/1", log.getvalue())

    def test_errors_of_the_program_are_exceptions(self):
        with contextlib.redirect_stderr(io.StringIO()) as log:
            with self.assertRaisesRegex(dcgan.Error, "^nosuch: no such file; 'dcgan config"):
                dcgan.train("nosuch", out=self.folder / "never")
        self.assertEqual(log.getvalue(), "")
        with self.assertRaisesRegex(dcgan.Error, "train.epochs must be an integer from 1"):
            train_quietly({"train.epochs": 0}, self.folder / "never")
        self.assertFalse((self.folder / "never").exists())

    def test_interruption_leaves_a_checkpoint(self):
        def interrupt(metrics):
            os.kill(os.getpid(), signal.SIGINT)

        out = self.folder / "stopped"
        with contextlib.redirect_stderr(io.StringIO()) as log:
            with self.assertRaises(KeyboardInterrupt):
                # Its only checkpoint, however many epochs end before the signal comes.
                keys = {"train.epochs": 10000, "train.checkpoint_every": 1_000_000}
                dcgan.train(tiny_config(keys), interrupt, out=out)
        self.assertIn("a checkpoint is written", log.getvalue())
        self.assertEqual(len(list((out / "checkpoints").glob("*.pt"))), 1)

    def test_command_passes_on_output_and_exit_code(self):
        command = [sys.executable, "-m", "dcgan"]
        shown = subprocess.run([*command, "config", "--list"], capture_output=True, text=True)
        self.assertIn("\nsmoke.yaml ", shown.stdout)
        wrong = subprocess.run([*command, "trian"], capture_output=True, text=True)
        self.assertEqual(wrong.returncode, 2)
        self.assertIn("did you mean", wrong.stderr)

    def test_command_does_not_wait_for_torch(self):
        code = "import sys, dcgan.__main__; print('torch' in sys.modules)"
        shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        self.assertEqual(shown.stdout, "False\n")


def rewrite(source, target, members):
    """Copies a g.pt with some of its members replaced."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, members.get(name.partition("/")[2], old.read(name)))


if __name__ == "__main__":
    unittest.main()
