"""What an engine is: a network made executable."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.imaging.transforms import DepthArray, Tensor
from service.settings import Precision


class Engine(Protocol):
    """Runs one network on batches; called from one thread at a time.

    ``one_by_one`` tells that a batch in one call gains too little over its items one after the
    other for the first of them to wait for the last.
    """

    name: str
    precision: Precision
    one_by_one: bool

    def infer(self, batch: Tensor) -> DepthArray:
        """``(n, 3, h, w)`` float32 network inputs -> ``(n, h, w)`` float32 depth, a fresh array."""
        ...


class EngineUnavailable(Exception):
    """An engine cannot run this network on this machine."""


def is_installed(runtime: str) -> bool:
    """Whether ``openvino`` or ``torch`` can be imported.

    An image without torch serves networks that were converted elsewhere.
    """
    return importlib.util.find_spec(runtime) is not None


@dataclass(frozen=True)
class Reference:
    """torch fp32's answer for the sample photo: what every engine is held against.

    ``tensor`` is ``(1, 3, h, w)``, ``depth`` ``(1, h, w)``, both float32. ``own`` is what a
    quantised network itself answered where it was made: it differs from torch, but not from that.
    """

    tensor: Tensor
    depth: DepthArray
    own: DepthArray | None = None


@dataclass(frozen=True)
class Parity:
    """Difference of an engine from the reference, as shares of the reference's range."""

    mean: float
    max: float


def parity_of(depth: DepthArray, expected: DepthArray) -> Parity:
    """Compare two answers; the difference from one of another shape, or of NaN, is infinite."""
    if depth.shape != expected.shape or not np.isfinite(depth).all():
        return Parity(mean=float("inf"), max=float("inf"))
    difference: NDArray[np.float32] = np.abs(depth - expected)
    # A network that answers a constant has no range; its own level is the scale then.
    scale = float(np.ptp(expected)) or float(np.abs(expected).max()) or 1.0
    return Parity(mean=float(difference.mean()) / scale, max=float(difference.max()) / scale)
