"""Memory that reading a photo takes, by format: for a network alone, and for an effect.

    python -m load_tests.decoding [--side N]

HEIC among them where the extra is installed.
Prints bytes for each pixel at their peak, the result included; writes results/decoding.json.
"""

from __future__ import annotations

import argparse
import math

from load_tests.machine import write_result
from service.imaging.files.heif_reader import is_usable
from service.settings import Settings
from tests.support.photo_peaks import OPTIONAL_PHOTOS, PHOTOS, measure_photo


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=math.isqrt(Settings().max_pixels))
    side = parser.parse_args().side
    figures: dict[str, object] = {"side": side}
    print(f"{f'{side}x{side}, bytes a pixel':36} {'network':>8} {'charged':>8} "
          f"{'effect':>8} {'charged':>8}")  # fmt: skip
    heic = OPTIONAL_PHOTOS if is_usable() else {}
    for name, make in {**PHOTOS, **heic}.items():
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
