"""HEIC with the extra: in decode processes, and elsewhere if the operator insists."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image

from service.decoding.decoder import Decoder, InProcessDecoder
from service.decoding.isolated import DecodeLimits, IsolatedDecoder
from service.errors import DepthError, PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.imaging.decode import read_header
from service.imaging.files import heif_reader
from service.imaging.files.formats import HEIC, OPTIONAL_FORMATS
from service.imaging.files.heif import check_heif_pictures
from service.pipeline.offline import is_photo
from service.pipeline.photo_formats import formats_in_process, formats_of_service
from service.settings import DecodeIsolation, Settings
from tests.hostile.corpus import heic_images
from tests.support.decoding import signed_pixels as pixels
from tests.support.inputs import input_bytes
from tests.support.photos import as_bytes, photo_bytes
from tests.support.profiles import P3, rgb_profile, shown

pillow_heif: Any = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")

# So that Pillow writes it; what reads is ours.
pillow_heif.register_heif_opener()

CAT = Image.open(io.BytesIO(photo_bytes("chelsea.png"))).convert("RGB")
LIMIT = 50_000_000
CASES = ("x.heic", "x_msf1.heic")


@pytest.fixture(scope="module", params=["in process", "isolated"])
def reader(request: pytest.FixtureRequest) -> Iterator[Decoder]:
    if request.param == "in process":
        yield InProcessDecoder(LIMIT, False, OPTIONAL_FORMATS)
        return
    limits = DecodeLimits(seconds=60, memory_bytes=1_000_000_000)
    isolated = IsolatedDecoder(1, limits, LIMIT, False, lambda: pytest.fail("a decoder ended"))
    isolated.wait_until_ready()
    yield isolated
    isolated.close()


def heic(image: Image.Image, **options: Any) -> bytes:
    # A fast encoder searches less: its files are larger, and no less exact.
    fast = {"preset": "ultrafast"}
    exact: dict[str, Any] = {"quality": 95, "chroma": 444, "enc_params": fast}
    return as_bytes(image, "HEIF", **exact | options)


@pytest.mark.parametrize("name", CASES)
def test_photos_of_phones_look_as_the_right_file(reader: Decoder, name: str) -> None:
    right = pixels(reader, input_bytes("base.jpg"))
    assert np.abs(pixels(reader, input_bytes(name)) - right).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_turned_as_its_container_says_and_once(reader: Decoder, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    right = pixels(reader, as_bytes(CAT, exif=exif))
    decoded = pixels(reader, heic(CAT, exif=exif.tobytes()))
    assert decoded.shape == right.shape
    assert np.abs(decoded - right).mean() < 3


def test_it_tells_its_focal_length(reader: Decoder) -> None:
    exif = Image.Exif()
    exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.FocalLengthIn35mmFilm] = 26
    assert reader.effect_input(heic(CAT, exif=exif.tobytes()), None, 64).photo.focal == 26


def test_it_has_colours_transparency_and_tiles(reader: Decoder) -> None:
    right = shown(np.asarray(CAT), P3, 2.2)
    in_p3 = heic(CAT, icc_profile=rgb_profile(P3, 2.2))
    assert np.abs(pixels(reader, in_p3) - right).mean() < 3
    transparent = CAT.convert("RGBA")
    transparent.paste((0, 0, 0, 0), (0, 0, 451, 100))
    assert pixels(reader, heic(transparent))[:98].min() > 250
    tiled = pixels(reader, heic(CAT.resize((1024, 768)), tile_size=256))
    assert np.abs(tiled - np.asarray(CAT.resize((1024, 768)))).mean() < 4


def test_the_first_picture_counts(reader: Decoder) -> None:
    several = heic(CAT, save_all=True, append_images=[CAT.rotate(180)])
    assert np.abs(pixels(reader, several) - np.asarray(CAT)).mean() < 4


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9])
def test_a_truncated_one_is_refused(reader: Decoder, share: float) -> None:
    data = input_bytes("x.heic")
    with pytest.raises((UndecodableImage, UnsupportedMediaType)):
        pixels(reader, data[: int(share * len(data))])


def test_damaged_ones_cost_their_own_request_at_most() -> None:
    limits = DecodeLimits(seconds=20, memory_bytes=500_000_000)
    decoder = IsolatedDecoder(1, limits, 1_000_000, False, lambda: None)
    read = 0
    for _, data in heic_images():
        try:
            read += len(pixels(decoder, data)) > 0
        except DepthError as error:
            assert error.status < 500, error
    assert read
    assert decoder.is_healthy()
    decoder.close()


def test_the_pixel_limit_is_told_from_the_header() -> None:
    data = heic(CAT)
    assert read_header(data, 300 * 451, OPTIONAL_FORMATS).pixels == 300 * 451
    with pytest.raises(PayloadTooLarge, match="451x300"):
        read_header(data, 300 * 451 - 1, OPTIONAL_FORMATS)


@pytest.mark.parametrize("size", [(64, 64), (333, 217), (451, 300)])
@pytest.mark.parametrize("options", [{}, {"tile_size": 128}], ids=["whole", "tiles"])
def test_pictures_are_as_large_as_they_say(size: tuple[int, int], options: dict[str, Any]) -> None:
    check_heif_pictures(heic(CAT.resize(size), **options), size[0] * size[1])


def test_pictures_that_are_larger_than_their_file_says_are_refused() -> None:
    data = heic(Image.new("L", (4200, 4200)), quality=10)
    lying = data.replace(struct.pack(">II", 4200, 4200), struct.pack(">II", 40, 40))
    assert lying != data
    with pytest.raises(UndecodableImage, match="larger"):
        read_header(lying, LIMIT, OPTIONAL_FORMATS)


def test_it_is_read_in_processes_or_where_the_operator_insists() -> None:
    isolated = Settings(decode_isolation=DecodeIsolation.PROCESS)
    assert formats_of_service(Settings()) == formats_in_process(isolated) == ()
    assert formats_of_service(isolated) == (HEIC,)
    assert formats_in_process(Settings(heic_in_process=True)) == (HEIC,)
    assert heif_reader.is_usable()
    with pytest.raises(UnsupportedMediaType, match="HEIC"):
        InProcessDecoder(LIMIT, False).photo_size(input_bytes("x.heic"))


def test_folders_are_searched_for_it() -> None:
    assert all(is_photo(Path(f"a{suffix}")) for suffix in HEIC.suffixes)
