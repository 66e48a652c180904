"""What the wheel needs at run time beyond pyproject.toml: the torch it was built against.

LibTorch's C++ interface changes with each version, so the wheel needs exactly that one, as
torchvision's and torchaudio's do. Its builds for the CPU and for any CUDA ("+cu130") are alike in
what the program links, so the version's local part is left out.
"""

from importlib.metadata import version


def dynamic_metadata(settings, project):
    return {"dependencies": [f"torch=={version('torch').split('+')[0]}"]}


def dynamic_wheel(settings):
    return {"dependencies": True}
