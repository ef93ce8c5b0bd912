"""What reading a photo takes is within what it is charged for."""

from __future__ import annotations

import sys

import pytest

from service.imaging.files.formats import PHOTO_FORMATS
from tests.support.peaks import measure_filling
from tests.support.photo_peaks import OPTIONAL_PHOTOS, PHOTOS, measure_photo

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Past what is kept in floating-point numbers, and in the heap.
LARGE_SIDE = 4100
# What a reader takes at any size: 0.8 bytes a pixel of the largest photos.
FIXED_BYTES = 40_000_000


def test_every_format_is_measured() -> None:
    assert {name.partition(",")[0] for name in PHOTOS} == {one.name for one in PHOTO_FORMATS}


@pytest.mark.parametrize(
    ("name", "for_effect"),
    [
        ("JPEG, progressive, CMYK", False),
        ("JPEG, progressive, CMYK", True),
        ("PNG, alpha", False),
        ("WebP, alpha", False),
        ("AVIF, alpha, no subsampling, 10 bits", True),
        ("TIFF, CMYK", False),
    ],
)
def test_a_large_photo_takes_no_more_than_is_charged(name: str, for_effect: bool) -> None:
    """Of each decoder what takes most; `python -m load_tests.decoding` measures all."""
    peak = measure_photo(PHOTOS[name](LARGE_SIDE), for_effect=for_effect)
    assert peak.bytes <= min(peak.declared_bytes, peak.decoding_bytes + FIXED_BYTES)


def test_nor_does_a_heic() -> None:
    pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
    name = "HEIC, alpha, no subsampling, 10 bits"
    peak = measure_photo(OPTIONAL_PHOTOS[name](LARGE_SIDE), for_effect=False)
    assert peak.bytes <= min(peak.declared_bytes, peak.decoding_bytes + FIXED_BYTES)


def test_filling_a_map_takes_what_an_upload_is_charged_beside_its_values() -> None:
    """Labels, their distances or their values, the result and two masks."""
    width, height = 4000, 3000
    assert measure_filling(width, height) <= 15 * width * height


def test_a_photo_that_is_not_reduced_takes_no_more_than_is_charged() -> None:
    peak = measure_photo(PHOTOS["PNG, alpha"](2000), for_effect=False)
    assert peak.bytes <= peak.declared_bytes
