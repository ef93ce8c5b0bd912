"""Does the network hold its accuracy in 8-bit integers? Speed and difference, beside bf16.

    python -m load_tests.int8 [--rounds N]

Quantises the converted network after training with NNCF, calibrated on scikit-image's photos and
judged on the same, which flatters it. Needs `pip install -e '.[dev,bench]'`; writes
results/int8.json.
"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nncf
import numpy as np
import openvino
from numpy.typing import NDArray
from skimage import data

from load_tests.machine import machine_facts, write_result
from load_tests.timing import medians
from service.imaging.transforms import InputRule, Tensor, to_tensor
from service.inference.engines.conversion import ensure_converted
from service.machine.cpu import cpu_budget
from service.models.registry import find_spec
from service.models.weights import WeightsStore
from service.settings import Settings

_PHOTOS = ("astronaut", "chelsea", "coffee", "hubble_deep_field", "rocket")
_FIRST_KEPT = 2
_LAST_KEPT = 8

Infer = Callable[[Tensor], NDArray[np.float32]]


def inputs(rule: InputRule) -> list[Tensor]:
    """Batches of one, of every photo."""
    found = []
    for name in _PHOTOS:
        pixels = np.ascontiguousarray(getattr(data, name)()[..., :3])
        height, width = pixels.shape[:2]
        found.append(to_tensor(pixels, rule.network_size(width, height), rule)[np.newaxis])
    return found


def variations(batch: Tensor) -> list[Tensor]:
    """Mirrored, and with other exposures: more to calibrate on."""
    return [batch, batch[..., ::-1].copy(), 0.7 * batch - 0.3, 0.7 * batch + 0.3]


def quantised(graph: Path, photos: list[Tensor], keep: list[str]) -> openvino.Model:
    """The network in int8, apart from the layers to ``keep``."""
    calibration = [item for photo in photos for item in variations(photo)]
    return nncf.quantize(
        openvino.Core().read_model(graph),
        nncf.Dataset(calibration),
        preset=nncf.QuantizationPreset.MIXED,
        subset_size=len(calibration),
        ignored_scope=nncf.IgnoredScope(names=keep) if keep else None,
    )


def compiled(model: openvino.Model | Path, hint: str) -> Infer:
    """The network ready to run."""
    options = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": cpu_budget(),
        "NUM_STREAMS": 1,
    }
    request = openvino.Core().compile_model(model, "CPU", options).create_infer_request()
    return lambda batch: np.array(request.infer({0: batch})[0])


def difference(engine: Infer, reference: Infer, photos: list[Tensor]) -> float:
    """Mean difference from fp32 in percent of the range, averaged over the photos."""
    shares = []
    for photo in photos:
        expected = reference(photo)
        shares.append(np.abs(engine(photo) - expected).mean() / np.ptp(expected))
    return float(100 * np.mean(shares))


def convolutions(graph: Path) -> list[str]:
    """Names of the convolutions, from the input to the output."""
    return [
        node.get_friendly_name()
        for node in openvino.Core().read_model(graph).get_ordered_ops()
        if node.get_type_name() in ("Convolution", "GroupConvolution")
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    rounds = parser.parse_args().rounds
    settings = Settings()
    spec = find_spec("depth_lite_256")
    weights = WeightsStore(settings.weights_dir).verify(spec)
    graph = ensure_converted(spec, weights, settings.cache_dir).graph
    photos = inputs(spec.input_rule)
    layers = convolutions(graph)
    reference = compiled(graph, "f32")
    engines = {
        "fp32": reference,
        "bf16": compiled(graph, "bf16"),
        "int8": compiled(quantised(graph, photos, []), "bf16"),
        "int8 but first 2 and last 8 convolutions": compiled(
            quantised(graph, photos, layers[:_FIRST_KEPT] + layers[-_LAST_KEPT:]), "bf16"
        ),
    }
    width, height = spec.input_rule.network_size(1280, 720)
    rng = np.random.default_rng(0)
    batch = rng.standard_normal((1, 3, height, width), dtype=np.float32)
    calls: dict[str, Callable[[], object]] = {
        name: functools.partial(engine, batch) for name, engine in engines.items()
    }
    times = medians(calls, rounds)
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {spec.name}")
    figures: dict[str, Any] = {"model": spec.name, "input": [width, height]}
    for name, engine in engines.items():
        off = difference(engine, reference, photos)
        figures[name] = {"ms": times[name], "mean_difference_percent": round(off, 2)}
        print(f"{name:42} {times[name]:>6} ms  {off:.2f}% of the range from fp32")
    write_result("int8", figures)


if __name__ == "__main__":
    main()
