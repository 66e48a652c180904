"""g.pt as a PyTorch module, read without TorchScript."""

import io
import json
import math
import os
import pickle
import re
import tempfile
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
import yaml
from torch import Tensor, nn

from .program import Error, run

# The rows of src/model/nonlinearity.h. A sigmoid's result is scaled to [-1, 1].
NONLINEARITIES: dict[str, Callable[[Tensor, float], Tensor]] = {
    "none": lambda x, slope: x,
    "relu": lambda x, slope: F.relu(x),
    "leaky_relu": lambda x, slope: F.leaky_relu(x, slope),
    "elu": lambda x, slope: F.elu(x, slope),
    "selu": lambda x, slope: F.selu(x),
    "gelu": lambda x, slope: F.gelu(x),
    "swish": lambda x, slope: x * torch.sigmoid(x * slope),
    "tanh": lambda x, slope: torch.tanh(x),
    "sigmoid": lambda x, slope: torch.sigmoid(x) * 2 - 1,
}


class Generator(nn.Module):
    """Latents [N, latent_dim], normally from N(0, 1) -> images [N, C, H, W] in [-1, 1].

    The names in its state_dict() are those in g.pt. load() gives it in eval mode, in which an image
    does not depend on its batch-mates.

    With classes, z[:, c] = 100 makes images of class c. With modes (`model.latent_modes`) the
    largest of the first latents, each plus its bias, chooses one.
    """

    latent_dim: int
    image_shape: tuple[int, int, int]  # C, H, W
    class_names: list[str]  # empty where there are none
    config: dict[str, Any]  # the run's, section by section
    step: int  # of the run, when the file was written
    path: Path  # of the file

    def __init__(self, config: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        """tensors: by the names in g.pt; their shapes say which layers there are."""
        super().__init__()
        model, data, own = config["model"], config["data"], config["generator"]
        self.config = config
        self.latent_dim = model["latent_dim"]
        self.image_shape = (data["channels"], *data["image_size"])
        self.modes = model["latent_modes"]
        self.hidden_nonlinearity = own["activation"]
        self.last_nonlinearity = own["output"]
        self.slope = float(own["slope"])
        upsampling = model.get("upsampling", "transposed")
        names = sorted({name.partition(".")[0] for name in tensors}, key=lambda name: int(name[5:]))
        from_latent = 2 if model.get("hidden_units", 0) > 0 else 1
        for i, name in enumerate(names):  # "layer1", ...
            # A convolution from the latent or a hidden dense layer covers its output. The last
            # doubles the size, and so do those before it, in turns with one that keeps it as long
            # as there are extra ones.
            from_last = len(names) - 1 - i
            is_extra = from_last % 2 == 1 and from_last < 2 * own["extra_layers"]
            covers = i < from_latent
            stride = 1 if covers or is_extra else 2
            enlarged = stride == 2 and upsampling != "transposed"
            layer = _make_layer(
                name, tensors, own.get("norm", "batch"), enlarged, stride, 0 if covers else 1
            )
            if enlarged:
                layer.enlarge = partial(F.interpolate, mode=upsampling)
            self.add_module(name, layer)
        size = self.image_shape[1:]
        for layer in reversed([layer for layer in self.children() if hasattr(layer, "enlarge")]):
            layer.enlarge = partial(layer.enlarge, size=size)
            size = tuple((side + 1) // 2 for side in size)
        self.load_state_dict(tensors)
        self.eval()

    def forward(self, z: Tensor) -> Tensor:
        z = z.flatten(1)
        layers = list(self.children())
        if self.modes > 0:
            chosen = z[:, : self.modes] + getattr(layers[0], "mode_bias", 0)
            mode = F.one_hot(chosen.argmax(1), self.modes).to(z.dtype) * math.sqrt(self.modes)
            z = torch.cat([mode, z[:, self.modes :]], 1)
        x = z if isinstance(layers[0], nn.Linear) else z[:, :, None, None]
        for layer in layers:
            if hasattr(layer, "enlarge"):
                x = layer.enlarge(x)
            if hasattr(layer, "spectral_u"):
                x = _apply_divided(layer, x)
            else:
                x = layer(x)
            if hasattr(layer, "norm"):
                x = layer.norm(x)
            is_last = layer is layers[-1]
            name = self.last_nonlinearity if is_last else self.hidden_nonlinearity
            x = NONLINEARITIES[name](x, self.slope)
        return x.reshape(x.shape[0], *self.image_shape)

    def sample(
        self, n: int = 64, seed: int = 1, classes: int | str | Sequence[int | str] = ()
    ) -> np.ndarray:
        """The images of `dcgan sample -n N --seed SEED`, byte for byte: uint8 [N, H, W] or, with
        colours, [N, H, W, 3].

        classes: of the images, in turn, by name or, where no name is a number, by number; none: any.

        The program makes them from the file, wherever this module is. Raises Error where the file
        is no longer there, or has other weights than this module, as after training it further:
        then call the module itself.
        """
        if isinstance(classes, int | str):
            classes = [classes]
        _, _, tensors = _read(self.path)
        own = {name: tensor.cpu().float() for name, tensor in self.state_dict().items()}
        if not all(torch.equal(own[name], tensor) for name, tensor in tensors.items()):
            raise Error(
                f"{self.path}: its weights are not this module's; call the module itself, "
                "or load the file again"
            )
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "images.npy")
            options = ["-n", str(n), "--seed", str(seed)]
            options += [f"--class={one}" for one in classes]
            try:
                run(["sample", "--ckpt", str(self.path), "--out", out, *options])
            except Error as error:
                raise Error(_with_arguments(str(error))) from None
            return np.load(out)


def load(path: str | os.PathLike[str]) -> Generator:
    """The generator in a g.pt, on the CPU, in eval mode; of a run directory, that in its g.pt.

    Nothing that the file holds is executed. Raises Error for what is no generator of dcgan.
    """
    path = Path(path).resolve()
    if path.is_dir():
        path /= "g.pt"
    description, config, tensors = _read(path)
    try:
        generator = Generator(config, tensors)
        generator.path = path
        generator.step = description["numbers"]["step"]
        names = description["notes"].get("class_names")
        numbers = range(config["model"]["classes"])
        generator.class_names = [str(c) for c in numbers] if names is None else names.split("\n")
        with torch.no_grad():
            generator(torch.zeros(1, generator.latent_dim))  # sizes that do not fit are told here
    except (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError) as error:
        raise Error(f"{path}: its tensors are not those of its configuration") from error
    return generator


def _with_arguments(message: str) -> str:
    """Names sample()'s arguments where the program names its options."""
    for option, argument in (("-n", "n"), ("--seed", "seed"), ("--class", "classes")):
        message = re.sub(rf"(?<!\S){option}(?!\w)", argument, message)
    return message


def _apply_divided(layer: Any, x: Tensor) -> Tensor:
    """The layer under spectral normalisation (src/model/forward.h), which iterates in train mode."""
    transposed = isinstance(layer, nn.ConvTranspose2d)
    matrix = (layer.weight.transpose(0, 1) if transposed else layer.weight).flatten(1)
    with torch.no_grad():
        v = F.normalize(matrix.t() @ layer.spectral_u, dim=0)
        u = F.normalize(matrix @ v, dim=0)
        if layer.training:
            layer.spectral_u.copy_(u)
    weight = layer.weight / torch.dot(u, matrix @ v)
    if isinstance(layer, nn.Linear):
        return F.linear(x, weight, layer.bias)
    convolve = F.conv_transpose2d if transposed else F.conv2d
    return convolve(x, weight, layer.bias, layer.stride, layer.padding)


def _make_layer(
    name: str, tensors: dict[str, Tensor], norm_name: str, enlarged: bool, stride: int, padding: int
) -> nn.Module:
    weight = tensors[name + ".weight"]
    bias = name + ".bias" in tensors
    norm: Callable[[int], nn.Module]
    # Without initial weights, which would take numbers from PyTorch's random generator.
    if weight.dim() == 2:
        channels, inputs = weight.shape
        layer = nn.utils.skip_init(nn.Linear, inputs, channels, bias)
        norm = nn.BatchNorm1d
    elif enlarged:
        channels, inputs, *kernel = weight.shape
        layer = nn.utils.skip_init(nn.Conv2d, inputs, channels, kernel, padding=padding, bias=bias)
        norm = nn.BatchNorm2d
    else:
        inputs, channels, *kernel = weight.shape
        layer = nn.utils.skip_init(
            nn.ConvTranspose2d, inputs, channels, kernel, stride, padding, bias=bias
        )
        norm = nn.BatchNorm2d
    if name + ".norm.weight" in tensors:
        if norm_name in ("layer", "instance"):
            layer.norm = nn.GroupNorm(1 if norm_name == "layer" else channels, channels)
        else:
            layer.norm = norm(channels)
    for buffer in ("mode_bias", "spectral_u"):
        if f"{name}.{buffer}" in tensors:
            layer.register_buffer(buffer, torch.empty_like(tensors[f"{name}.{buffer}"]))
    return layer


def _read(path: Path) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:
    """The description (extra/dcgan.json), the configuration and the tensors by dotted names."""
    try:
        with zipfile.ZipFile(path) as archive:
            root = archive.namelist()[0].split("/")[0]
            description = json.loads(archive.read(f"{root}/extra/dcgan.json"))
            kind, version = description["format"], description["format_version"]
            if (kind, version) != ("dcgan generator", 1):
                raise Error(
                    f"{path}: a {kind}, format version {version}, where a dcgan generator, "
                    "format version 1, is needed: a g.pt"
                )
            config = yaml.safe_load(archive.read(f"{root}/extra/config.yaml"))
            return description, config, _named_tensors(_Unpickler(archive, root).load(), "")
    except Error:
        raise
    except OSError as error:
        remedy = "name a g.pt or the folder of a run; dcgan.train() returns the path of one"
        raise Error(f"{path}: {(error.strerror or str(error)).lower()}; {remedy}") from error
    except Exception as error:  # pickle's documentation names no bounds
        raise Error(f"{path}: damaged, or no g.pt (`dcgan import` makes one of a state_dict)") from error


class _Module:
    """Stands for every TorchScript class: its attributes are in __dict__."""


def _rebuild_tensor(storage: Tensor, offset: int, sizes: tuple[int, ...], *_: Any) -> Tensor:
    return storage[: math.prod(sizes)].view(sizes)  # dcgan writes contiguous ones alone


class _Unpickler(pickle.Unpickler):
    """Of data.pkl. It knows what dcgan writes and refuses everything else."""

    def __init__(self, archive: zipfile.ZipFile, root: str) -> None:
        super().__init__(io.BytesIO(archive.read(f"{root}/data.pkl")))
        self._data = lambda key: bytearray(archive.read(f"{root}/data/{key}"))

    def find_class(self, module: str, name: str) -> Any:
        if module == "__torch__":
            return _Module
        known = {
            "collections.OrderedDict": OrderedDict,
            "torch.FloatStorage": torch.float32,
            "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
        }
        return known[f"{module}.{name}"]

    def persistent_load(self, pid: Any) -> Tensor:
        _, dtype, key, _, _ = pid
        return torch.frombuffer(self._data(key), dtype=dtype)


def _named_tensors(module: _Module, prefix: str) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for name, value in vars(module).items():
        if isinstance(value, Tensor):
            tensors[prefix + name] = value
        elif isinstance(value, _Module):
            tensors.update(_named_tensors(value, f"{prefix}{name}."))
    return tensors
