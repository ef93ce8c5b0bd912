"""What ``detail=high`` gives and costs: edges against true depth, and milliseconds.

    python -m load_tests.detail

On scikit-image's motorcycle, whose depth is known. Edge sharpness is the mean slope of the map, as
a share of its range a pixel, where the true depth jumps, beside the same where it does not. Writes
results/detail.json.
"""

from __future__ import annotations

import io
import statistics

import cv2
import httpx
import numpy as np
from numpy.typing import NDArray

from load_tests.machine import machine_facts, write_result
from load_tests.timing import milliseconds
from service.evaluation.metrics import score
from service.evaluation.pairs import motorcycle
from service.imaging.depth_map import DepthMap
from service.models.registry import find_spec
from service.settings import Settings
from tests.support.server import ServerProcess

_ROUNDS = 10
_JUMP = 0.03
_REACH = 2


def slopes(values: NDArray[np.floating]) -> NDArray[np.float64]:
    """Change a pixel in any direction, as a share of the range."""
    scaled = (values - values.min()) / np.ptp(values)
    across = cv2.Sobel(scaled.astype(np.float64), cv2.CV_64F, 1, 0, ksize=3, scale=1 / 8)
    down = cv2.Sobel(scaled.astype(np.float64), cv2.CV_64F, 0, 1, ksize=3, scale=1 / 8)
    return np.asarray(np.hypot(across, down))


def main() -> None:
    pair = motorcycle()
    data = pair.photo.read_bytes()
    inverse = 1 / pair.truth.astype(np.float64)
    known = np.isfinite(inverse)
    true_slopes = slopes(np.where(known, inverse, np.nanmedian(inverse)))
    # Where the truth is unknown, its own edge is no edge of the scene.
    inside = cv2.erode(known.astype(np.uint8), np.ones((9, 9), np.uint8)).astype(bool)
    edge = inside & (true_slopes > _JUMP)
    around = cv2.dilate(edge.astype(np.uint8), np.ones((2 * _REACH + 1,) * 2, np.uint8)) > 0
    smooth = inside & ~cv2.dilate(around.astype(np.uint8), np.ones((15, 15), np.uint8)).astype(bool)

    settings = Settings()
    kind = find_spec(settings.model).kind
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, {settings.model}")
    figures: dict[str, object] = {"model": settings.model}
    with ServerProcess(cache_dir=str(settings.cache_dir)) as server:
        for detail in ("normal", "high"):
            url = f"{server.url}/v1/depth?format=npy&detail={detail}"

            def post(url: str = url) -> httpx.Response:
                return httpx.post(url, files={"image": data}, timeout=60)

            depth = np.load(io.BytesIO(post().content))
            took = statistics.median(milliseconds(post) for _ in range(_ROUNDS))
            scores = score(DepthMap(depth, kind, settings.model), pair.truth)
            own = slopes(depth)
            figures[detail] = found = {
                "ms": round(took, 1),
                "edge_slope_percent": round(100 * float(own[edge].mean()), 2),
                "elsewhere_percent": round(100 * float(own[smooth].mean()), 2),
                "delta_percent": round(100 * scores.delta, 1),
                "ordinal_percent": round(100 * scores.ordinal, 1),
            }
            print(f"{detail:8} {found}")
    write_result("detail", figures)


if __name__ == "__main__":
    main()
