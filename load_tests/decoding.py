"""Memory that reading a photo takes, by format: for a network alone, and for an effect.

    python -m load_tests.decoding [--side N]

Prints bytes for each pixel at their peak, the result included; writes results/decoding.json.
"""

from __future__ import annotations

import argparse
import math

from load_tests.machine import write_result
from service.settings import Settings
from tests.support.photo_peaks import PHOTOS, measure_photo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=math.isqrt(Settings().max_pixels))
    side = parser.parse_args().side
    figures: dict[str, object] = {"side": side}
    print(f"{f'{side}x{side}, bytes a pixel':36} {'network':>8} {'charged':>8} "
          f"{'effect':>8} {'charged':>8}")  # fmt: skip
    for name, make in PHOTOS.items():
        photo = make(side)
        row: dict[str, float] = {}
        for purpose in ("network", "effect"):
            peak = measure_photo(photo, for_effect=purpose == "effect")
            row[purpose] = round(peak.bytes_per_pixel, 1)
            row[f"{purpose}_charged"] = round(peak.declared_bytes / peak.pixels, 1)
        print(f"{name:36}", *(f"{value:>8}" for value in row.values()))
        figures[name] = row
    write_result("decoding", figures)


if __name__ == "__main__":
    main()
