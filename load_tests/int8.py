"""The embedded network in int8 beside bf16 and fp32: speed, alternating, and errors on true depth.

    python -m load_tests.int8 [--rounds N] [PAIRS]

PAIRS is a folder of photos with true depth as `python -m service eval` reads it; without, the
motorcycle of scikit-image. Times are of what a 1280x720 photo needs. Writes results/int8.json.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from load_tests.machine import machine_facts, write_result
from load_tests.timing import medians
from service.evaluation.metrics import score
from service.evaluation.pairs import Pair, motorcycle, pairs_in
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import network_input
from service.imaging.transforms import to_image_size
from service.inference.engines.base import Engine, EngineUnavailable
from service.inference.engines.conversion import ensure_converted
from service.inference.engines.openvino_engine import OpenVinoEngine
from service.inference.engines.quantised import SHIPPED_INT8
from service.machine.cpu import cpu_budget
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.settings import Precision, Settings

_UNITS_A_METRE = 1000


def engines(spec: NetworkSpec) -> dict[Precision, Engine]:
    """Every precision that runs here."""
    settings, threads = Settings(), cpu_budget()
    weights = WeightsStore(settings.weights_dir).verify(spec)
    graph = ensure_converted(spec, weights, settings.cache_dir).graph
    graphs = {Precision.FP32: graph, Precision.BF16: graph, Precision.INT8: SHIPPED_INT8.graph}
    found: dict[Precision, Engine] = {}
    for precision, file in graphs.items():
        try:
            found[precision] = OpenVinoEngine(file, precision, threads)
        except EngineUnavailable:
            continue
    return found


def errors(spec: NetworkSpec, engine: Engine, pairs: list[Pair]) -> dict[str, float]:
    """Mean scores in percent; smaller is better."""
    found = []
    for pair in pairs:
        photo = network_input(pair.photo.read_bytes(), spec.input_rule)
        depth = engine.infer(photo.tensor[np.newaxis])[0]
        enlarged = to_image_size(depth, photo.width, photo.height, spec.enlarge)
        found.append(score(DepthMap(enlarged, spec.kind, spec.name), pair.truth))
    return {
        name: round(100 * float(np.mean([getattr(one, name) for one in found])), 2)
        for name in ("delta", "ordinal")
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("pairs", type=Path, nargs="?")
    parser.add_argument("--rounds", type=int, default=20)
    arguments = parser.parse_args()
    pairs = [motorcycle()]
    if arguments.pairs is not None:
        pairs = list(pairs_in(arguments.pairs, _UNITS_A_METRE))
    spec = find_spec("depth_lite_256")
    sizes = spec.resolutions
    assert sizes is not None
    at_sizes = [spec.at(size) for size in (spec.input_rule.target, sizes.int8)]
    rng = np.random.default_rng(0)
    calls: dict[str, Callable[[], object]] = {}
    figures: dict[str, Any] = {"model": spec.name, "photos": len(pairs)}
    for one in at_sizes:
        width, height = one.input_rule.network_size(1280, 720)
        batch = rng.standard_normal((1, 3, height, width), dtype=np.float32)
        for precision, engine in engines(spec).items():
            name = f"{precision} at {one.input_rule.target}"
            calls[name] = functools.partial(engine.infer, batch)
            figures[name] = errors(one, engine, pairs)
    times = medians(calls, arguments.rounds)
    first = times[next(iter(times))]
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {spec.name}")
    print(f"{'':12} {'ms':>7} {'ratio':>6} {'delta>1.25':>11} {'ordinal':>8}  {len(pairs)} photos")
    for name, took in times.items():
        one = figures[name]
        one |= {"ms": took, "times_as_fast": round(first / took, 2)}
        print(
            f"{name:12} {took:>7.1f} {first / took:>6.2f} "
            f"{one['delta']:>10.1f}% {one['ordinal']:>7.1f}%"
        )
    write_result("int8", figures)


if __name__ == "__main__":
    main()
