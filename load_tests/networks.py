"""Every network: milliseconds in OpenVINO beside torch eager fp32 in the same run, and memory.

    python -m load_tests.networks [--rounds N] [NAME ...]
    python -m load_tests.networks --choice

The input is what a 1280x720 photo needs. Networks whose weights are not installed run with random
ones, which are as fast. Prints a Markdown table; writes results/networks.json. The large ones take
minutes: converting, and seconds a call. ``--choice`` prints what is kept there, with the time at
each quality beside the accuracy that the authors publish: the table at the top of docs/models.md.
"""

from __future__ import annotations

import argparse
import functools
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from load_tests.machine import RESULTS, anonymous_bytes, machine_facts, write_result
from load_tests.timing import medians, milliseconds
from load_tests.weights import weights_for
from service.inference.engines.selection import LoadedNetwork, load_for_serving
from service.inference.engines.torch_engine import TorchEngine
from service.machine.cpu import cpu_budget
from service.models.checkpoint import load_network
from service.models.precisions import usual_target
from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkSpec, Quality
from service.models.weights import WeightsStore
from service.settings import Precision, Settings
from tests.support.server import ROOT

_MEGABYTE = 1e6
_BYTES = {Precision.FP32: 4, Precision.BF16: 2, Precision.INT8: 1}
_COLUMNS = (*("network", "input", "served", "torch fp32", "ratio", "loaded", "in use"),)
# Percent of NYUv2's pixels that are off by more than 1.25 times, and whether it was trained on it:
# isl-org/MiDaS and LiheYoung/Depth-Anything, README (there the share that is not).
_PUBLISHED: dict[str, tuple[float, bool]] = {
    "midas_v21_small_256": (13.43, False),
    "midas_v21_384": (8.71, False),
    "dpt_hybrid_384": (8.69, False),
    "dpt_large_384": (8.32, False),
    "dpt_levit_224": (8.64, True),
    "dpt_swin2_tiny_256": (5.55, True),
    "dpt_swin2_base_384": (3.28, True),
    "dpt_beit_base_384": (3.91, True),
    "dpt_beit_large_512": (1.86, True),
    "depth_anything_v1_vits": (2.8, False),
}


def settings_with(weights_dir: Path) -> Settings:
    return Settings(weights_dir=weights_dir, accept_licenses=("all",))


def measure(spec: NetworkSpec, weights_dir: Path, rounds: int) -> dict[str, Any]:
    """Medians of both engines, alternating; memory from a process of its own."""
    settings = settings_with(weights_dir)
    served = load_for_serving(spec, settings)
    weights = WeightsStore(weights_dir).verify(spec)
    torch_engine = TorchEngine(load_network(spec, weights.path), Precision.FP32, cpu_budget())
    usual = spec.at(usual_target(spec, settings))
    width, height = usual.input_rule.network_size(1280, 720)
    tensor = np.random.default_rng(0).standard_normal((1, 3, height, width), dtype=np.float32)
    engines = {"served": served.engine, "torch": torch_engine}
    qualities = quality_times(spec, served, rounds)
    times: dict[str, list[float]] = {name: [] for name in engines}
    for number in range(rounds + 1):
        for name, engine in engines.items():
            took = milliseconds(lambda engine=engine: engine.infer(tensor))  # type: ignore[misc]
            if number:  # The first warms up.
                times[name].append(took)
    ours, theirs = (statistics.median(times[name]) for name in engines)
    memory = json.loads(
        subprocess.run(
            [sys.executable, "-m", "load_tests.networks", "--memory", spec.name],
            env=os.environ | {"DEPTH_WEIGHTS_DIR": str(weights_dir)},
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
    )
    return {
        "input": [width, height],
        "engine": f"{served.engine.name} {served.engine.precision}",
        "parity_percent": round(100 * served.parity.mean, 4),
        "ms": round(ours, 1),
        "torch_ms": round(theirs, 1),
        "ratio": round(theirs / ours, 2),
        "quality_ms": qualities,
        **memory,
    }


def quality_times(spec: NetworkSpec, served: LoadedNetwork, rounds: int) -> dict[str, float]:
    """Medians at each quality, alternating; none for a network of one size."""
    if spec.resolutions is None:
        return {}
    calls: dict[str, Callable[[], object]] = {}
    for quality in Quality:
        width, height = spec.at_quality(quality).input_rule.network_size(1280, 720)
        tensor = np.zeros((1, 3, height, width), np.float32)
        calls[quality] = functools.partial(served.engine.infer, tensor)
    return medians(calls, rounds)


def choice_table(figures: dict[str, Any]) -> str:
    """Markdown: a row a network, the least work first; work where there is no time."""
    lines = [
        "| network | `fast` | `balanced` | `best` | usual | off by over 1.25 on NYUv2 |",
        "|---|---|---|---|---|---|",
    ]
    for name, spec in sorted(SPECS.items(), key=lambda item: item[1].gflop):
        one = figures.get(name, {})
        times, sizes = one.get("quality_ms", {}), spec.resolutions
        cells = [f"`{name}`"]
        for quality in Quality:
            asked = spec.at_quality(quality)
            work = asked.gflop if sizes or asked is not spec else None
            cells.append(_time_or_work(times.get(quality), work))
        cells += [_time_or_work(one.get("ms"), spec.gflop), _published(name)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _time_or_work(milliseconds: float | None, gflop: float | None) -> str:
    if milliseconds is not None:
        return f"{milliseconds:.0f} ms"
    return "" if gflop is None else f"{gflop:g} GFLOP"


def _published(name: str) -> str:
    if name not in _PUBLISHED:
        return ""
    share, trained = _PUBLISHED[name]
    return f"{share:g} %{', trained on it' if trained else ''}"


def memory_of(spec: NetworkSpec) -> dict[str, float]:
    """Anonymous megabytes that loading adds, and that stay after the first photo.

    The converted network's file is mapped beside them: pages that the kernel may drop. Free memory
    is given back first, as the service does after loading.
    """
    settings = settings_with(Settings().weights_dir)
    # The runtime's own memory does not count: another network has loaded it.
    load_for_serving(find_spec("depth_lite_256"), settings)
    before = anonymous_bytes()
    network = load_for_serving(spec, settings)
    loaded = anonymous_bytes()
    width, height = spec.input_rule.network_size(1280, 720)
    network.engine.infer(np.zeros((1, 3, height, width), np.float32))
    used = anonymous_bytes()
    size = spec.parameters * _BYTES[network.engine.precision]
    return {
        "parameters_mb": round(size / _MEGABYTE, 1),
        "loaded_mb": round((loaded - before) / _MEGABYTE, 1),
        "in_use_mb": round((used - before) / _MEGABYTE, 1),
    }


def row(spec: NetworkSpec, one: dict[str, Any]) -> str:
    cells = (
        f"`{spec.name}`",
        "x".join(str(side) for side in one["input"]),
        f"{one['ms']:g} ms",
        f"{one['torch_ms']:g} ms",
        f"{one['ratio']:g}",
        f"{one['loaded_mb']:g} MB",
        f"{one['in_use_mb']:g} MB",
    )
    return f"| {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--memory", metavar="NAME", help="only that, as JSON")
    parser.add_argument("--choice", action="store_true", help="print the table of what is kept")
    arguments = parser.parse_args()
    if arguments.memory:
        print(json.dumps(memory_of(find_spec(arguments.memory))))
        return
    kept = RESULTS / "networks.json"
    figures: dict[str, Any] = json.loads(kept.read_text())["figures"] if kept.is_file() else {}
    if arguments.choice:
        print(choice_table(figures))
        return
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}")
    print(f"| {' | '.join(_COLUMNS)} |")
    print("|---" * len(_COLUMNS) + "|", flush=True)
    for name in arguments.names or SPECS:
        spec = find_spec(name)
        with weights_for(spec) as (weights_dir, _):
            figures[name] = measure(spec, weights_dir, arguments.rounds)
        print(row(spec, figures[name]), flush=True)
        write_result("networks", figures)


if __name__ == "__main__":
    main()
