"""Latency of one client: the service beside a plain script, alternating in one run.

    python -m load_tests.bench [--model NAME] [--rounds N]

Prints medians, their ratio and the service's own stages; writes results/latency.json.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from pathlib import Path

import cv2
import numpy as np

from load_tests.client import Answer, Client
from load_tests.machine import machine_facts, write_result
from load_tests.plain_script import PlainScript
from load_tests.timing import milliseconds
from service.inference.threads import cpu_budget
from service.models.registry import SAMPLE_PHOTO, find_spec
from service.settings import Settings
from tests.support.server import ServerProcess

SIZES = {"1280x720": (1280, 720), "4000x3000": (4000, 3000)}
_PHOTOS_A_ROUND = 20


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
    server: ServerProcess, script: PlainScript, photo: Path, rounds: int
) -> dict[str, object]:
    """Alternate rounds of the service and the script over one photo."""
    data = photo.read_bytes()
    client = Client(f"{server.url}/predict", data)
    # Warm both up.
    client.post()
    script(photo)
    answers: list[Answer] = []
    theirs: list[float] = []
    for _ in range(rounds):
        answers += [client.post() for _ in range(_PHOTOS_A_ROUND)]
        theirs += [milliseconds(lambda: script(photo)) for _ in range(_PHOTOS_A_ROUND)]
    assert {answer.status for answer in answers} == {200}
    ours = [answer.milliseconds for answer in answers]
    stages = stage_medians([answer.server_timing for answer in answers])
    stages["http and client"] = statistics.median(ours) - sum(stages.values())
    return {
        "service_p50_ms": round(statistics.median(ours), 1),
        "service_p95_ms": round(percentile(ours, 0.95), 1),
        "script_p50_ms": round(statistics.median(theirs), 1),
        "ratio": round(statistics.median(theirs) / statistics.median(ours), 2),
        "stages_ms": {name: round(value, 2) for name, value in stages.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default="depth_lite_256")
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    settings = Settings()
    script = PlainScript(find_spec(arguments.model), settings.weights_dir, cpu_budget())
    figures: dict[str, object] = {"model": arguments.model}
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {arguments.model}")
    print(f"{'photo':12} {'service p50':>12} {'p95':>8} {'plain script':>13} {'ratio':>6}")
    with (
        ServerProcess(
            model=arguments.model,
            cache_dir=str(settings.cache_dir),
            weights_dir=str(settings.weights_dir),
        ) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        (served,) = (
            info for info in server.client.get("/v1/models").json()["models"] if info["default"]
        )
        figures["engine"] = f"{served['engine']} {served['precision']}"
        for name, size in SIZES.items():
            result = compare(server, script, photo_file(Path(folder), size), arguments.rounds)
            figures[name] = result
            print(
                f"{name:12} {result['service_p50_ms']:>9} ms {result['service_p95_ms']:>5} ms "
                f"{result['script_p50_ms']:>10} ms {result['ratio']:>6}"
            )
            print(f"{'':12} stages in ms: {result['stages_ms']}")
    print(f"engine: {figures['engine']}")
    write_result("latency", figures)


if __name__ == "__main__":
    main()
