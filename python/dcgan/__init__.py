"""DCGANs trained by the native program ``dcgan``, and their generators as PyTorch modules.

>>> import dcgan
>>> g = dcgan.load(dcgan.train("quick.yaml"))
>>> images = g(torch.randn(64, g.latent_dim))  # float [64, 1, 28, 28] in [-1, 1]
>>> pictures = g.sample(64, seed=7)            # uint8 [64, 28, 28], as of `dcgan sample`
"""

from typing import TYPE_CHECKING, Any

from .program import Error, train

if TYPE_CHECKING:
    from .generator import Generator, load

__all__ = ["Error", "Generator", "load", "train"]


def __getattr__(name: str) -> Any:
    # Importing torch takes seconds, and the command `dcgan` comes by here.
    if name in ("Generator", "load"):
        from . import generator

        return getattr(generator, name)
    raise AttributeError(f"module 'dcgan' has no attribute '{name}'")
