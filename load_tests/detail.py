"""What ``detail=high`` gives and costs: edges against true depth, and milliseconds.

    python -m load_tests.detail

On scikit-image's motorcycle, whose depth is known. Edge sharpness is the mean slope of the map, as
a share of its range a pixel, where the true depth jumps, beside the same where it does not. Writes
results/detail.json.
"""

from __future__ import annotations

import io
import statistics

import httpx
import numpy as np

from load_tests.machine import machine_facts, write_result
from load_tests.timing import milliseconds
from service.evaluation.edges import edge_slopes
from service.evaluation.metrics import score
from service.evaluation.pairs import motorcycle
from service.imaging.depth_map import DepthMap
from service.models.registry import find_spec
from service.settings import Settings
from tests.support.server import ServerProcess

_ROUNDS = 10


def main() -> None:
    pair = motorcycle()
    data = pair.photo.read_bytes()
    settings = Settings()
    spec = find_spec("depth_lite_256")
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {spec.name}")
    figures: dict[str, object] = {"model": spec.name}
    with ServerProcess(cache_dir=str(settings.cache_dir)) as server:
        for detail in ("normal", "high"):
            url = f"{server.url}/v1/depth?format=npy&detail={detail}"

            def post(url: str = url) -> httpx.Response:
                return httpx.post(url, files={"image": data}, timeout=60)

            depth = np.load(io.BytesIO(post().content))
            took = statistics.median(milliseconds(post) for _ in range(_ROUNDS))
            scores = score(DepthMap(depth, spec.kind, spec.name), pair.truth)
            slopes = edge_slopes(depth, pair.truth)
            figures[detail] = found = {
                "ms": round(took, 1),
                "edge_slope_percent": round(100 * slopes.edges, 2),
                "elsewhere_percent": round(100 * slopes.elsewhere, 2),
                "delta_percent": round(100 * scores.delta, 1),
                "ordinal_percent": round(100 * scores.ordinal, 1),
            }
            print(f"{detail:8} {found}")
    write_result("detail", figures)


if __name__ == "__main__":
    main()
