"""Weights for speed measurements: the trained ones, or random ones of the same network.

Speed does not depend on the numbers, but for one thing: a heatmap of noise takes the PNG encoder
a little longer than one of a scene.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch

from service.errors import WeightsError
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.settings import Settings
from tests.golden.official import golden
from tests.support.server import run_service


@contextlib.contextmanager
def weights_for(spec: NetworkSpec) -> Iterator[tuple[Path, str]]:
    """A folder with weights for ``spec``, and ``trained`` or ``random``."""
    installed = Settings().weights_dir
    with contextlib.suppress(WeightsError):
        WeightsStore(installed).verify(spec)
        yield installed, "trained"
        return
    with tempfile.TemporaryDirectory() as folder:
        drawn = Path(folder) / "random.pt"
        torch.save(_draw(spec), drawn)
        added = run_service(
            *("models", "add", spec.name, "--file", str(drawn), "--trust"), weights_dir=folder
        )
        if added.returncode:
            raise RuntimeError(added.stderr)
        yield Path(folder), "random"


def _draw(spec: NetworkSpec) -> dict[str, torch.Tensor]:
    if spec.unchecked:
        return spec.build().state_dict()
    return {key: torch.from_numpy(value) for key, value in golden(spec.name).state().items()}
