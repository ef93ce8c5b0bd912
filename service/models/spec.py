"""What is known of a network: plain data, importable without torch."""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from service.errors import InvalidParameter, PayloadTooLarge
from service.imaging.depth_kind import DepthKind
from service.imaging.transforms import Fit, InputRule, Interpolation
from service.networks.renaming import Renaming

if TYPE_CHECKING:
    from torch import nn

EMBEDDED_DIR = Path(__file__).parent / "embedded"
SAMPLE_PHOTO = EMBEDDED_DIR / "coffee.jpg"


@dataclass(frozen=True)
class WeightsFile:
    """The official file of a network.

    ``url`` is None where there is no stable one, ``bytes`` and ``sha256`` where they are not
    published: then the first pull's hash is recorded, and checked from then on.
    """

    file: str
    bytes: int | None = None
    sha256: str | None = None
    url: str | None = None


class Quality(StrEnum):
    """A network's input size for those who do not want to know numbers."""

    FAST = "fast"
    BALANCED = "balanced"
    BEST = "best"


@dataclass(frozen=True)
class Resolutions:
    """Input sizes that a network takes, in the unit of its input rule's ``target``.

    From ``low`` to ``high``, and the three that have names.
    ``int8`` is the usual size where the network runs as it ships in int8.
    """

    low: int
    high: int
    fast: int
    balanced: int
    best: int
    int8: int | None = None

    def of(self, quality: Quality) -> int:
        """What a name stands for."""
        return {
            Quality.FAST: self.fast,
            Quality.BALANCED: self.balanced,
            Quality.BEST: self.best,
        }[quality]


@dataclass(frozen=True)
class Memory:
    """What a run takes beside the weights, in OpenVINO and fp32, as it was measured.

    ``per_pixel`` are bytes per pixel of the input, ``per_pair`` bytes per pair of pixels: of
    attention that is held as a whole, as BEiT's with its biases is.
    """

    per_pixel: float
    per_pair: float = 0.0

    def of(self, pixels: int) -> float:
        """Bytes of a run on so many pixels."""
        return self.per_pixel * pixels + self.per_pair * pixels**2


@dataclass(frozen=True)
class NetworkRun:
    """One run of ``network`` on an input of ``width`` times ``height`` pixels."""

    network: NetworkSpec
    width: int
    height: int

    @property
    def gflop(self) -> float:
        """Its work, in 10^9 operations."""
        across, down = self.network.input_rule.target_size
        return self.network.gflop * self.network.growth(self.width * self.height / (across * down))

    def check(self, limit: float) -> None:
        """Raise :class:`PayloadTooLarge` where it takes more memory than ``limit`` bytes."""
        needed = self.network.memory.of(self.width * self.height)
        if needed <= limit:
            return
        sizes, target = self.network.resolutions, self.network.input_rule.target
        lower = "" if sizes is None or target <= sizes.low else f"lower resolution ({target}), or "
        raise PayloadTooLarge(
            f"{self.network.name} would take {needed / 1e6:.0f} MB of memory for an input of "
            f"{self.width}x{self.height} pixels; the limit is {limit / 1e6:.0f}. For so long a "
            f"photo {lower}crop it."
        )


@dataclass(frozen=True)
class NetworkSpec:
    """One network: how to build it, feed it, read it, and where its weights come from.

    ``module`` names a module of this package. ``builder`` is a function in it that returns the
    untrained network for ``options``, ``renaming`` a :class:`Renaming` in it of official keys.
    ``enlarge`` is how the official code brings depth back to the photo's size. ``parameters`` are
    those that depth passes through, ``gflop`` the work (a multiplication and an addition are two
    operations; ``python -m load_tests.flops``) on an input of the target's size, ``attention`` the
    share of it that grows with the square of the area. ``unchecked`` says
    why there are no numbers of the official code to compare with. ``resolutions`` is None for a
    network that takes no other input than its official one. ``best_rule`` takes the place of
    ``input_rule`` at :attr:`Quality.BEST`, where the official code has more than a size for it.
    """

    name: str
    title: str
    module: str
    builder: str
    input_rule: InputRule
    kind: DepthKind
    parameters: int
    gflop: float
    licence: str
    source: str
    weights: WeightsFile
    options: Mapping[str, Any] = field(default_factory=dict)
    renaming: str | None = None
    enlarge: Interpolation = Interpolation.CUBIC
    commercial: bool = True
    embedded: bool = False
    unchecked: str | None = None
    resolutions: Resolutions | None = None
    attention: float = 0.0
    memory: Memory = Memory(per_pixel=600)
    best_rule: InputRule | None = None

    def at_quality(self, quality: Quality) -> NetworkSpec:
        """The same network as the name says; as it is, where all names stand for one size."""
        if quality is Quality.BEST and self.best_rule is not None:
            runs = 2 if self.best_rule.mirror else 1
            return replace(self, input_rule=self.best_rule, gflop=round(runs * self.gflop, 1))
        return self.at(self.resolutions.of(quality) if self.resolutions else None)

    def at(self, resolution: int | None) -> NetworkSpec:
        """The same network for inputs of another size; None is the official one.

        ``resolution`` takes the place of the official code's own parameter: Depth Anything's
        ``input_size``, MiDaS' upper bound. Raises :class:`InvalidParameter` for one that the
        network does not take.
        """
        rule = self.input_rule
        if resolution is None or resolution == rule.target:
            return self
        sizes = self.resolutions
        if sizes is None:
            raise InvalidParameter(f"resolution: {self.name} takes {rule.target} only.")
        if not sizes.low <= resolution <= sizes.high:
            raise InvalidParameter(f"resolution: {self.name} takes {sizes.low} to {sizes.high}.")
        if rule.fit is Fit.STRETCH and resolution % rule.multiple:
            raise InvalidParameter(f"resolution: {self.name} takes multiples of {rule.multiple}.")
        area = (resolution / rule.target) ** 2
        work = self.growth(area)
        share = self.attention * area**2 / work
        rule = replace(rule, target=resolution)
        gflop = round(self.gflop * work, 1)
        return replace(self, input_rule=rule, gflop=gflop, attention=share)

    @property
    def input_rules(self) -> Iterator[InputRule]:
        """Those of every resolution that :meth:`at` takes, and of every :class:`Quality`."""
        yield self.input_rule
        if self.best_rule is not None:
            yield self.best_rule
        if self.resolutions is not None:
            step = self.input_rule.multiple if self.input_rule.fit is Fit.STRETCH else 1
            first = math.ceil(self.resolutions.low / step) * step
            for target in range(first, self.resolutions.high + 1, step):
                yield replace(self.input_rule, target=target)

    def growth(self, area: float) -> float:
        """How many times the work is what it is at the target's size, of so many times its area."""
        return (1 - self.attention) * area + self.attention * area**2

    def run_on(self, width: int, height: int) -> NetworkRun:
        """A run on an input of this size in pixels."""
        return NetworkRun(self, width, height)

    def build(self) -> nn.Module:
        """The untrained network, on the CPU, float32 (imports torch and timm)."""
        builder: Callable[..., nn.Module] = getattr(
            importlib.import_module(self.module), self.builder
        )
        return builder(**self.options)

    def renamer(self) -> Renaming:
        """Our names of official checkpoint keys."""
        if self.renaming is None:
            return Renaming({})
        renaming: Renaming = getattr(importlib.import_module(self.module), self.renaming)
        return renaming
