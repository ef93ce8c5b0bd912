"""Latency of one client: the service beside a plain script, alternating in one run.

    python -m load_tests.bench [--model NAME] [--rounds N]

Prints medians, their ratio, the bare network's time and the service's own stages; writes
results/latency-NAME.json. A network whose weights are not installed runs with random ones.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from load_tests.client import Answer, Client
from load_tests.machine import machine_facts, write_result
from load_tests.plain_script import PlainScript
from load_tests.timing import milliseconds
from load_tests.weights import weights_for
from service.imaging.network_input import network_input
from service.imaging.transforms import Tensor
from service.inference.engines.selection import load_for_serving
from service.machine.cpu import cpu_budget
from service.models.choice import NetworkChoice
from service.models.registry import find_spec
from service.models.served_networks import ServedNetworks
from service.models.spec import SAMPLE_PHOTO
from service.settings import Settings
from tests.support.server import ServerProcess

SIZES = {"1280x720": (1280, 720), "4000x3000": (4000, 3000)}
_PHOTOS_A_ROUND = 20

Call = Callable[[Path], object]


def percentile(samples: list[float], share: float) -> float:
    return float(np.percentile(samples, 100 * share))


def photo_file(folder: Path, size: tuple[int, int]) -> Path:
    """The sample photo enlarged to ``size``, as a camera would store it (JPEG, quality 90)."""
    path = folder / f"{size[0]}x{size[1]}.jpg"
    photo = cv2.resize(
        np.asarray(cv2.imread(str(SAMPLE_PHOTO))), size, interpolation=cv2.INTER_CUBIC
    )
    cv2.imwrite(str(path), photo, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return path


def stage_medians(timings: list[str]) -> dict[str, float]:
    """Medians of the stages in the service's Server-Timing headers."""
    stages: dict[str, list[float]] = {}
    for header in timings:
        for entry in header.split(", "):
            name, _, value = entry.partition(";dur=")
            stages.setdefault(name, []).append(float(value))
    return {name: statistics.median(values) for name, values in stages.items()}


def compare(
    server: ServerProcess, script: Call, network: Call, photo: Path, rounds: int
) -> dict[str, object]:
    """Alternate rounds of the service, the script and the bare network over one photo."""
    client = Client(f"{server.url}/predict", photo.read_bytes())
    # Warm all three up.
    client.post()
    script(photo)
    network(photo)
    answers: list[Answer] = []
    theirs: list[float] = []
    bare: list[float] = []
    sent = send_seconds(server)
    for _ in range(rounds):
        answers += [client.post() for _ in range(_PHOTOS_A_ROUND)]
        theirs += [milliseconds(lambda: script(photo)) for _ in range(_PHOTOS_A_ROUND)]
        bare += [milliseconds(lambda: network(photo)) for _ in range(_PHOTOS_A_ROUND)]
    assert {answer.status for answer in answers} == {200}
    service = statistics.median(answer.milliseconds for answer in answers)
    alone = statistics.median(bare)
    stages = stage_medians([answer.server_timing for answer in answers])
    # The answer's headers cannot tell how long its body takes: this is a mean of the metrics.
    stages["send"] = 1000 * (send_seconds(server) - sent) / len(answers)
    stages["http and client"] = service - sum(stages.values())
    return {
        "service_p50_ms": round(service, 1),
        "service_p95_ms": round(percentile([answer.milliseconds for answer in answers], 0.95), 1),
        "script_p50_ms": round(statistics.median(theirs), 1),
        "ratio": round(statistics.median(theirs) / service, 2),
        "bare_network_ms": round(alone, 1),
        "service_to_network": round(service / alone, 2),
        "network_share": round(stages["inference"] / service, 2),
        "stages_ms": {name: round(value, 2) for name, value in stages.items()},
    }


def send_seconds(server: ServerProcess) -> float:
    """Total of the stage that hands answers to their clients."""
    return server.metric("depth_stage_seconds_sum", stage="send")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="depth_lite_256")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    spec = find_spec(arguments.model)
    facts = machine_facts()
    with weights_for(spec) as (weights_dir, origin), tempfile.TemporaryDirectory() as folder:
        settings = Settings(weights_dir=weights_dir)
        script = PlainScript(spec, weights_dir, cpu_budget())
        loaded = load_for_serving(spec, settings)
        # The network alone at the size that it is served at; the script's is the official one.
        rule = ServedNetworks.of(settings).choose(NetworkChoice(spec.name)).input_rule
        engine = f"{loaded.engine.name} {loaded.engine.precision}"
        print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}")
        print(f"{spec.name} ({origin} weights) in {engine}; medians in ms")
        print(f"{'photo':12} {'service':>8} {'p95':>6} {'script':>8} {'ratio':>6} "
              f"{'network':>8} {'service/network':>16}")  # fmt: skip
        inputs: dict[Path, Tensor] = {}

        def network(photo: Path) -> object:
            if photo not in inputs:
                inputs[photo] = network_input(
                    photo.read_bytes(), rule, settings.scaled_decode
                ).tensor[np.newaxis]
            return loaded.engine.infer(inputs[photo])

        figures: dict[str, object] = {"model": spec.name, "weights": origin, "engine": engine}
        with ServerProcess(
            model=spec.name, cache_dir=str(settings.cache_dir), weights_dir=str(weights_dir)
        ) as server:
            for name, size in SIZES.items():
                photo = photo_file(Path(folder), size)
                result = compare(server, script, network, photo, arguments.rounds)
                figures[name] = result
                print(
                    f"{name:12} {result['service_p50_ms']:>8} {result['service_p95_ms']:>6} "
                    f"{result['script_p50_ms']:>8} {result['ratio']:>6} "
                    f"{result['bare_network_ms']:>8} {result['service_to_network']:>16}"
                )
                print(f"{'':12} stages: {result['stages_ms']}")
    write_result(f"latency-{spec.name}", figures)


if __name__ == "__main__":
    main()
