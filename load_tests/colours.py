"""What a colour profile costs a photo of 12 megapixels that is decoded whole.

    python -m load_tests.colours [--rounds N]

Beside it, what lcms takes for the same. Prints only.
"""

from __future__ import annotations

import argparse
import functools
import io
from collections.abc import Callable

from PIL import Image

from load_tests.machine import machine_facts
from load_tests.timing import medians
from service.imaging.colour import to_srgb
from service.imaging.decode import decode_photo
from service.models.spec import SAMPLE_PHOTO
from tests.support.photos import as_bytes
from tests.support.profiles import P3, rgb_profile


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=10)
    rounds = parser.parse_args().rounds
    photo = Image.open(io.BytesIO(SAMPLE_PHOTO.read_bytes())).convert("RGB").resize((4000, 3000))
    profile = rgb_profile(P3, 2.2)
    plain = as_bytes(photo, "JPEG", quality=92)
    with_profile = as_bytes(photo, "JPEG", quality=92, icc_profile=profile)
    calls: dict[str, Callable[[], object]] = {
        "without a profile": functools.partial(decode_photo, plain),
        "Display P3": functools.partial(decode_photo, with_profile),
        "lcms alone": functools.partial(to_srgb, photo, profile),
    }
    facts = machine_facts()
    print(f"{facts['processor']}, {facts['cores']} cores, {facts['date']}, 4000x3000 JPEG, ms")
    for name, took in medians(calls, rounds).items():
        print(f"{name:20} {took:8.1f}")


if __name__ == "__main__":
    main()
