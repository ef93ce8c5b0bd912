"""``python -m tests.support.faulty_service serve``: the service with a network that misbehaves.

The network answers as ever, but for photos of one plain colour, each of which is one fault.
"""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from service.__main__ import main
from service.imaging.transforms import DepthArray, Tensor
from service.inference import catalog
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.models.spec import NetworkSpec
from service.settings import Precision, Settings


class Colour(NamedTuple):
    """8-bit RGB."""

    red: int
    green: int
    blue: int


RAISES = Colour(255, 0, 0)
ANSWERS_NAN = Colour(0, 255, 0)
HANGS = Colour(0, 0, 255)
ENDS_ITS_THREAD = Colour(255, 255, 0)
LEAKS = Colour(0, 255, 255)
TURNS_THE_CLOCK = Colour(255, 0, 255)

LEAK_BYTES = 200_000_000
DAY = 86_400.0


def way_out(weights_dir: Path) -> Path:
    """The file that ends a hang."""
    return weights_dir / "go-on"


class FaultyEngine:
    """An engine around the real one."""

    def __init__(self, network: LoadedNetwork, way_out: Path) -> None:
        self._way_out = way_out
        self._engine = network.engine
        rule = network.spec.input_rule
        self._mean, self._std = (
            np.array(values, np.float32).reshape(3, 1, 1) for values in (rule.mean, rule.std)
        )
        self._leaked: list[bytes] = []
        self.name: str = network.engine.name
        self.precision: Precision = network.engine.precision
        self.one_by_one: bool = network.engine.one_by_one

    def infer(self, batch: Tensor) -> DepthArray:
        """See :class:`Engine`."""
        depth = self._engine.infer(batch)
        for item, answer in zip(batch, depth, strict=True):
            self._misbehave(item, answer)
        return depth

    def _misbehave(self, item: Tensor, answer: DepthArray) -> None:
        pixels = np.rint(255 * (item * self._std + self._mean))
        if np.ptp(pixels, axis=(1, 2)).max() > 4:
            return
        fault = Colour(*(int(255 * (channel > 127)) for channel in pixels.mean(axis=(1, 2))))
        if fault == RAISES:
            raise ValueError("a network that raises")
        if fault == ANSWERS_NAN:
            answer[:] = np.nan
        elif fault == HANGS:
            while not self._way_out.exists():
                time.sleep(0.02)
        elif fault == ENDS_ITS_THREAD:
            raise SystemExit
        elif fault == LEAKS:
            self._leaked.append(b"x" * LEAK_BYTES)
        elif fault == TURNS_THE_CLOCK:
            turn_the_clock()


def turn_the_clock() -> None:
    """Put the wall clock a day back, and the next time two days on."""
    clock = time.time
    jump = -DAY if clock.__name__ == "time" else 2 * DAY
    time.time = lambda: clock() + jump


def load_faulty(spec: NetworkSpec, settings: Settings) -> LoadedNetwork:
    """The network with its engine replaced; the load of any but the embedded one hangs."""
    while not (spec.embedded or way_out(settings.weights_dir).exists()):
        time.sleep(0.02)
    network = load_for_serving(spec, settings)
    return dataclasses.replace(network, engine=FaultyEngine(network, way_out(settings.weights_dir)))


if __name__ == "__main__":
    vars(catalog)["load_for_serving"] = load_faulty
    raise SystemExit(main())
