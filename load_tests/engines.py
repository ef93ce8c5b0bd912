"""The bare network: engines, precisions and batch sizes, without anything around it.

    python -m load_tests.engines [--model NAME] [--rounds N]

Prints milliseconds an image at the input that a 1280x720 photo needs; writes results/engines.json.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable

import numpy as np

from load_tests.machine import machine_facts, write_result
from load_tests.timing import medians
from service.inference.engines.base import Engine, EngineUnavailable
from service.inference.engines.conversion import ensure_converted
from service.inference.engines.openvino_engine import OpenVinoEngine
from service.inference.engines.torch_engine import TorchEngine
from service.machine.cpu import cpu_budget
from service.models.checkpoint import load_network
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import WeightsStore
from service.settings import Precision, Settings

_BATCHES = (1, 2, 4, 8)


def engines(spec: NetworkSpec, settings: Settings) -> dict[str, Engine]:
    """Every engine that runs here."""
    weights = WeightsStore(settings.weights_dir).verify(spec)
    graph = ensure_converted(spec, weights, settings.cache_dir).graph
    threads = settings.threads or cpu_budget()
    makers: dict[str, Callable[[Precision], Engine]] = {
        "torch": lambda precision: TorchEngine(
            load_network(spec, weights.path), precision, threads
        ),
        "openvino": lambda precision: OpenVinoEngine(graph, precision, threads),
    }
    found: dict[str, Engine] = {}
    for name, make in makers.items():
        for precision in (Precision.FP32, Precision.BF16):
            try:
                found[f"{name} {precision}"] = make(precision)
            except EngineUnavailable:
                continue
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=Settings().model)
    parser.add_argument("--rounds", type=int, default=6)
    arguments = parser.parse_args()
    spec = find_spec(arguments.model)
    width, height = spec.input_rule.network_size(1280, 720)
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}")
    print(f"{spec.name} at {width}x{height}, ms an image in batches of {_BATCHES}")
    figures: dict[str, object] = {"model": spec.name, "input": [width, height]}
    rng = np.random.default_rng(0)
    batches = {n: rng.standard_normal((n, 3, height, width), dtype=np.float32) for n in _BATCHES}
    calls: dict[str, Callable[[], object]] = {}
    for name, engine in engines(spec, Settings()).items():
        for n, batch in batches.items():
            items = np.split(batch, n)
            calls[f"{name}, batch {n}"] = functools.partial(engine.infer, batch)
            if n > 1:
                # After one another, with warm caches: what a batch in one call must be held to.
                calls[f"{name}, one by one {n}"] = functools.partial(
                    lambda engine, items: [engine.infer(item) for item in items], engine, items
                )
    times = medians(calls, arguments.rounds)
    each = {name: took / int(name.rsplit(" ", 1)[1]) for name, took in times.items()}
    slowest = each["torch fp32, batch 1"]
    for name, took in each.items():
        print(f"{name:34} {took:>7.1f} {slowest / took:>5.1f}x")
    figures["ms_an_image"] = {name: round(took, 2) for name, took in each.items()}
    write_result("engines", figures)


if __name__ == "__main__":
    main()
