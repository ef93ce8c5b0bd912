"""A network's whole request in fp32, bf16 and int8, alternating: a 720p JPEG in, its heatmap out.

    python -m load_tests.precisions [--quality fast] [--rounds N] [NAME ...]

A server each, one client. int8 is calibrated on the sample photo alone and not judged: what it
says does not count here, only how long it takes. Networks whose weights are not installed run with
random ones. Quantising takes a minute or two. Writes results/precisions.json.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import json
import tempfile
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

import openvino

from load_tests.bench import SIZES, photo_file, stage_medians
from load_tests.client import Client
from load_tests.machine import RESULTS, machine_facts, write_result
from load_tests.timing import medians
from load_tests.weights import weights_for
from service.evaluation.quantisation import Inputs, quantised, runner
from service.inference.engines.conversion import ensure_converted
from service.inference.engines.quantised import quantised_folder, write_quantised
from service.models.registry import find_spec
from service.models.spec import SAMPLE_PHOTO, NetworkSpec, Quality
from service.models.weights import WeightsStore
from service.settings import Precision
from tests.support.server import ServerProcess

_SIZE = "1280x720"
_PRECISIONS = (Precision.FP32, Precision.BF16, Precision.INT8)
_DEFAULT = "depth_anything_v2_vits"


def quantise_unjudged(spec: NetworkSpec, quality: Quality, weights_dir: Path, cache: Path) -> None:
    """Put the network in int8 where a server looks for it, held against nothing but itself."""
    weights = WeightsStore(weights_dir).verify(spec)
    converted = ensure_converted(spec, weights, cache)
    model = openvino.Core().read_model(converted.graph)
    made = quantised(model, Inputs([SAMPLE_PHOTO], spec.at_quality(quality).input_rule))
    reference = converted.reference()
    own = runner(made)(reference.tensor)
    as_its_own = dataclasses.replace(reference, depth=own, own=own)
    write_quantised(quantised_folder(spec, weights, cache), made, as_its_own, {})


def served_in(server: ServerProcess, spec: NetworkSpec) -> str:
    """The precision that the network really runs in."""
    (card,) = (
        card
        for card in server.client.get("/v1/models").json()["models"]
        if card["name"] == spec.name
    )
    return str(card["precision"])


def measure(spec: NetworkSpec, quality: Quality, rounds: int) -> dict[str, Any]:
    """Milliseconds of a request in each precision that runs here, and of the network in it."""
    with contextlib.ExitStack() as stack:
        weights_dir, origin = stack.enter_context(weights_for(spec))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        photo = photo_file(folder, SIZES[_SIZE]).read_bytes()
        quantise_unjudged(spec, quality, weights_dir, folder)
        timings: dict[str, list[str]] = {}
        calls: dict[str, Callable[[], object]] = {}
        for precision in _PRECISIONS:
            server = stack.enter_context(
                ServerProcess(
                    model=spec.name,
                    precision=precision,
                    accept_licenses="all",
                    weights_dir=str(weights_dir),
                    cache_dir=str(folder),
                )
            )
            if served_in(server, spec) == precision:
                client = Client(f"{server.url}/v1/depth?quality={quality}", photo)
                timings[precision] = []
                calls[precision] = functools.partial(post, client, timings[precision])
        times = medians(calls, rounds)
    inference = {name: stage_medians(headers)["inference"] for name, headers in timings.items()}
    return {"quality": quality, "weights": origin, "ms": times, "inference_ms": inference}


def post(client: Client, timings: list[str]) -> None:
    """One request; what the service says of its stages is added to ``timings``."""
    answer = client.post()
    assert answer.status == HTTPStatus.OK
    timings.append(answer.server_timing)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", default=[_DEFAULT])
    parser.add_argument("--quality", type=Quality, choices=list(Quality), default=Quality.FAST)
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    kept = RESULTS / "precisions.json"
    figures: dict[str, Any] = json.loads(kept.read_text())["figures"] if kept.is_file() else {}
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}; {_SIZE}, medians in ms")
    for name in arguments.names:
        spec = find_spec(name)
        one = measure(spec, arguments.quality, arguments.rounds)
        figures[name] = one
        times = ", ".join(
            f"{precision} {took:.0f} (network {one['inference_ms'][precision]:.0f})"
            for precision, took in one["ms"].items()
        )
        print(f"{name} ({one['weights']} weights), quality={one['quality']}: {times}", flush=True)
        write_result("precisions", figures)


if __name__ == "__main__":
    main()
