from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from service.inference.engines.conversion import ConvertedNetwork, ensure_converted
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from service.settings import Settings
from tests.golden.weights_rule import draw_state
from tests.support.server import ServerProcess

GOLDEN = Path(__file__).parent / "golden"
MIDAS = "midas_v21_small_256"


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Converted networks, shared by all tests: converting takes seconds."""
    return tmp_path_factory.mktemp("openvino")


@pytest.fixture(scope="session")
def settings(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(cache_dir=cache_dir, weights_dir=tmp_path_factory.mktemp("no-weights"))


@pytest.fixture(scope="session")
def converted(settings: Settings) -> ConvertedNetwork:
    """The embedded network for OpenVINO."""
    spec = find_spec("depth_lite_256")
    return ensure_converted(
        spec, WeightsStore(settings.weights_dir).verify(spec), settings.cache_dir
    )


@pytest.fixture(scope="session")
def embedded(settings: Settings) -> LoadedNetwork:
    """The embedded network as it is served by default on this machine."""
    return load_for_serving(find_spec("depth_lite_256"), settings)


@pytest.fixture(scope="session")
def server(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server with default settings, shared by all tests that only send requests."""
    weights = str(cache_dir / "no-weights")
    with ServerProcess(cache_dir=str(cache_dir), weights_dir=weights) as process:
        yield process


@pytest.fixture(scope="session")
def golden_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like the official MiDaS one, with the golden weights."""
    state = draw_state(GOLDEN / MIDAS / "manifest.json")
    path = tmp_path_factory.mktemp("checkpoint") / "golden.pt"
    torch.save({key: torch.from_numpy(np.asarray(value)) for key, value in state.items()}, path)
    return path
