"""Networks converted in the process at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.inference.engines import conversion
from service.inference.engines.conversion import ConvertedNetwork
from service.models.spec import NetworkSpec
from service.models.weights import VerifiedWeights, WeightsStore


def converted_here(spec: NetworkSpec, weights_dir: Path, cache_dir: Path) -> ConvertedNetwork:
    """The converted network; a process of its own would spend seconds on importing torch anew.

    Servers that share the cache find it there. What that process is for is tested by those that
    start with an empty one.
    """

    def convert(spec: NetworkSpec, weights: VerifiedWeights, folder: Path) -> None:
        conversion._convert(spec, weights.path, weights.sha256, folder / spec.name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(conversion, "_convert_in_child", convert)
        verified = WeightsStore(weights_dir).verify(spec)
        return conversion.ensure_converted(spec, verified, cache_dir)
