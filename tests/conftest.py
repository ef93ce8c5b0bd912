from __future__ import annotations

import gc
import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import numpy as np
import pytest
import torch

from service.inference.engines.conversion import ConvertedNetwork
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.machine.cpu import cpu_budget
from service.models.choice import NetworkChoice
from service.models.registry import find_spec
from service.models.served_networks import ServedNetworks
from service.settings import Precision, Settings
from tests.golden.official import golden
from tests.support.conversions import converted_here
from tests.support.sample import WHOLE
from tests.support.server import ServerProcess

MIDAS = "midas_v21_small_256"

# The same examples each time, however long one takes; `make test-hostile` draws others.
hypothesis.settings.register_profile("gate", derandomize=not WHOLE, deadline=None)
hypothesis.settings.load_profile("gate")

# Looking for garbage goes through a million objects of torch and hypothesis each time: looking less
# often, collecting the tests takes a seventh less of a core, and unit tests a twentieth.
gc.set_threshold(50_000, 20, 50)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """A worker a core, at most 8: each has servers and torch of its own, 2 GB."""
    return min(cpu_budget(), 8)


def pytest_configure() -> None:
    """Share the cores: torch in each of several workers would take them all."""
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    torch.set_num_threads(max(1, cpu_budget() // workers))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest of the last files: at the end the other workers would wait for it.

    In it the tests of a network follow each other, which is loaded once for all of them.
    """
    items.sort(key=_place)


def _place(item: pytest.Item) -> tuple[bool, str]:
    if not item.nodeid.startswith("tests/unit/networks/"):
        return True, ""
    parametrized = getattr(item, "callspec", None)
    return False, str(parametrized.params.get("name", "")) if parametrized else ""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Add up what ``tests/hostile`` tried, in whichever worker."""
    counts: Counter[str] = Counter()
    for report in terminalreporter.getreports("passed"):
        for name, count in report.user_properties:
            if name.startswith("hostile "):
                counts[name.removeprefix("hostile ")] += int(str(count))
    if counts:
        kinds = ", ".join(f"{count} {kind}" for kind, count in counts.items())
        terminalreporter.write_line(f"hostile inputs tried: {counts.total()} ({kinds})")


@pytest.fixture(scope="session")
def cache_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Converted networks, shared by all tests and workers: converting takes seconds."""
    base = tmp_path_factory.getbasetemp()
    # A worker's folder lies in the session's.
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "openvino"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def settings(cache_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(cache_dir=cache_dir, weights_dir=tmp_path_factory.mktemp("no-weights"))


@pytest.fixture(scope="session")
def converted(settings: Settings) -> ConvertedNetwork:
    """The embedded network for OpenVINO."""
    return converted_here(find_spec("depth_lite_256"), settings.weights_dir, settings.cache_dir)


@pytest.fixture(scope="session")
def embedded(settings: Settings) -> LoadedNetwork:
    """The embedded network as it is served by default on this machine, at its usual size."""
    spec = ServedNetworks.of(settings).choose(NetworkChoice("depth_lite_256"))
    return load_for_serving(find_spec(spec.name), settings).as_asked(spec)


@pytest.fixture(scope="session")
def exact(settings: Settings, converted: ConvertedNetwork) -> LoadedNetwork:
    """The embedded network in fp32: where its input hardly changes, its answer hardly does.

    int8 answers in steps, which would hide such a change.
    """
    return load_for_serving(
        find_spec("depth_lite_256"), settings.model_copy(update={"precision": Precision.FP32})
    )


@pytest.fixture(scope="session")
def server(cache_dir: Path) -> Iterator[ServerProcess]:
    """A server with default settings, shared by all tests that only send requests."""
    weights = str(cache_dir / "no-weights")
    with ServerProcess(cache_dir=str(cache_dir), weights_dir=weights) as process:
        yield process


@pytest.fixture(scope="session")
def golden_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file like the official MiDaS one, with the golden weights."""
    state = golden(MIDAS).state()
    path = tmp_path_factory.mktemp("checkpoint") / "golden.pt"
    torch.save({key: torch.from_numpy(np.asarray(value)) for key, value in state.items()}, path)
    return path
