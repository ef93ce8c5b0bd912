"""Engines that do what a test says, in place of a network that would have to misbehave."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from service.imaging.transforms import DepthArray, Tensor
from service.inference.batch import BatchItem
from service.settings import Precision


def first_channel(batch: Tensor) -> DepthArray:
    return batch[:, 0].copy()


class ScriptedEngine:
    """Applies a function to each batch and remembers the batch sizes."""

    name = "scripted"
    precision = Precision.FP32

    def __init__(
        self,
        behaviour: Callable[[Tensor], DepthArray] = first_channel,
        *,
        one_by_one: bool = False,
    ) -> None:
        self._behaviour = behaviour
        self.one_by_one = one_by_one
        self.batch_sizes: list[int] = []
        self.first_values: list[float] = []

    def infer(self, batch: Tensor) -> DepthArray:
        self.batch_sizes.append(len(batch))
        self.first_values += [float(item.flat[0]) for item in batch]
        return self._behaviour(batch)


def tensor(value: float, height: int = 32, width: int = 32) -> Tensor:
    """A network input that is ``value`` everywhere."""
    return np.full((3, height, width), value, np.float32)


def item(value: float, request_id: str = "-") -> BatchItem:
    """A :func:`tensor` and whose it is."""
    return BatchItem(tensor(value), request_id)
