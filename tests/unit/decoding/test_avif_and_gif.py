"""AVIF and GIF: the first picture, and no more work than it promises."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.decoding.decoder import Decoder
from service.errors import PayloadTooLarge, UndecodableImage
from service.imaging.coded_colours import PRIMARIES, coded_profile
from service.imaging.decode import read_header
from service.imaging.files.av1 import coded_pixels
from service.imaging.files.avif import check_avif_frames
from tests.support.decoding import signed_pixels as pixels
from tests.support.inputs import input_bytes
from tests.support.photos import as_bytes, photo_bytes
from tests.support.profiles import P3, rgb_profile, shown

CAT = Image.open(io.BytesIO(photo_bytes("chelsea.png")))
LIMIT = 50_000_000
_EXACT: dict[str, Any] = {"quality": 100, "subsampling": "4:4:4", "speed": 9}


def avif(image: Image.Image, **options: Any) -> bytes:
    return as_bytes(image, "AVIF", **_EXACT | options)


def turned(orientation: int) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


@pytest.mark.parametrize(
    ("name", "right"), [("x.avif", "base.jpg"), ("x_mif1.avif", "base.jpg"), ("x.gif", "small.png")]
)
def test_photos_of_the_web_look_as_the_right_file(decoder: Decoder, name: str, right: str) -> None:
    difference = pixels(decoder, input_bytes(name)) - pixels(decoder, input_bytes(right))
    assert np.abs(difference).mean() < 6


def test_avif_gives_the_pixels(decoder: Decoder) -> None:
    assert np.abs(pixels(decoder, avif(CAT)) - np.asarray(CAT)).max() <= 4
    grey = CAT.convert("L")
    expected = np.asarray(grey.convert("RGB"))
    assert np.abs(pixels(decoder, avif(grey, subsampling="4:0:0")) - expected).max() <= 4


def test_gif_gives_the_pixels(decoder: Decoder) -> None:
    palette = CAT.quantize(200)
    assert np.array_equal(
        pixels(decoder, as_bytes(palette, "GIF")), np.asarray(palette.convert("RGB"))
    )


@pytest.mark.parametrize("format", ["AVIF", "GIF"])
def test_transparent_pixels_are_white(decoder: Decoder, format: str) -> None:
    photo = CAT.convert("RGBA")
    photo.paste((0, 0, 0, 0), (0, 0, 451, 100))
    options = _EXACT if format == "AVIF" else {}
    decoded = pixels(decoder, as_bytes(photo, format, **options))
    assert decoded[:99].min() > 250
    assert np.abs(decoded[101:] - np.asarray(CAT)[101:]).mean() < 8


@pytest.mark.parametrize("format", ["AVIF", "GIF"])
def test_the_first_frame_of_an_animation(decoder: Decoder, format: str) -> None:
    options = _EXACT if format == "AVIF" else {}
    others = [CAT.rotate(90), CAT.rotate(180)] * 5
    moving = as_bytes(CAT, format, save_all=True, append_images=others, **options)
    still = pixels(decoder, as_bytes(CAT, format, **options))
    assert np.abs(pixels(decoder, moving) - still).mean() < 3


@pytest.mark.parametrize("orientation", range(1, 9))
def test_avif_is_turned_as_its_container_says(decoder: Decoder, orientation: int) -> None:
    png = pixels(decoder, as_bytes(CAT, exif=turned(orientation)))
    decoded = pixels(decoder, avif(CAT, exif=turned(orientation)))
    assert decoded.shape == png.shape
    assert np.abs(decoded - png).max() <= 4


def test_avif_has_colour_profiles(decoder: Decoder) -> None:
    right = shown(np.asarray(CAT), P3, 2.2)
    data = avif(CAT, icc_profile=rgb_profile(P3, 2.2))
    assert np.abs(pixels(decoder, data) - right).mean() < 2


@pytest.mark.parametrize("format", ["AVIF", "GIF"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.9])
def test_truncated_ones_are_refused(decoder: Decoder, format: str, share: float) -> None:
    data = as_bytes(CAT, format)
    with pytest.raises(UndecodableImage):
        pixels(decoder, data[: int(share * len(data))])


def test_the_pixel_limit_is_told_from_the_header() -> None:
    for format in ("AVIF", "GIF"):
        data = as_bytes(CAT, format)
        assert read_header(data, 300 * 451).pixels == 300 * 451
        with pytest.raises(PayloadTooLarge, match="451x300"):
            read_header(data, 300 * 451 - 1)
    # A frame that is larger than its screen.
    gif = bytearray(as_bytes(CAT.convert("L"), "GIF"))
    gif[6:10] = struct.pack("<HH", 1, 1)
    assert read_header(bytes(gif), LIMIT).pixels == 300 * 451


def test_frames_that_are_larger_than_their_avif_are_refused() -> None:
    large = Image.new("L", (4200, 4200))
    data = as_bytes(large, "AVIF", speed=10)
    assert read_header(data, LIMIT).pixels == 4200 * 4200
    lying = data.replace(struct.pack(">II", 4200, 4200), struct.pack(">II", 40, 40))
    with pytest.raises(UndecodableImage, match="larger"):
        read_header(lying, LIMIT)


def test_what_a_gifs_first_frame_does_not_cover_is_white(decoder: Decoder) -> None:
    frame = CAT.resize((20, 10)).quantize(64)
    gif = bytearray(as_bytes(frame, "GIF"))
    place = gif.index(b",\0\0\0\0\x14\0\x0a\0")
    gif[6:10] = struct.pack("<HH", 40, 30)
    gif[place + 1 : place + 5] = struct.pack("<HH", 5, 7)
    decoded = pixels(decoder, bytes(gif))
    right = np.full((30, 40, 3), 255)
    right[7:17, 5:25] = np.asarray(frame.convert("RGB"))
    assert np.array_equal(decoded, right)


def test_a_profile_says_more_than_numbers(decoder: Decoder) -> None:
    data = avif(CAT)
    place = data.index(b"colrnclx") + 8
    lying = data[:place] + struct.pack(">HH", 12, 13) + data[place + 4 :]
    assert np.array_equal(pixels(decoder, lying), pixels(decoder, data))


def numbered(primaries: int, transfer: int) -> bytes:
    """An AVIF whose colours are named by numbers alone."""
    data = avif(CAT, icc_profile=b"")
    place = data.index(b"colrnclx") + 8
    return data[:place] + struct.pack(">HH", primaries, transfer) + data[place + 4 :]


# Chromaticities of H.273's table 2, under D65.
CHROMATICITIES = {
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)),
}
BRADFORD = np.array(
    [[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]]
)


@pytest.mark.parametrize("primaries", PRIMARIES)
def test_numbered_colours_are_those_of_their_chromaticities(primaries: int) -> None:
    """SMPTE RP 177, adapted from D65 to D50 by Bradford's matrix."""
    xyz = np.array([(x / y, 1, (1 - x - y) / y) for x, y in CHROMATICITIES[primaries]]).T
    x, y = 0.3127, 0.3290
    white = np.array([x / y, 1, (1 - x - y) / y])
    to_xyz = xyz * np.linalg.solve(xyz, white)
    scale = np.diag((BRADFORD @ (0.96422, 1, 0.82521)) / (BRADFORD @ white))
    adapted = np.linalg.inv(BRADFORD) @ scale @ BRADFORD @ to_xyz
    np.testing.assert_allclose(PRIMARIES[primaries], adapted, atol=3e-4)


def test_numbered_colours_look_as_by_a_profile(decoder: Decoder) -> None:
    for primaries in PRIMARIES:
        by_profile = as_bytes(CAT, icc_profile=coded_profile(primaries, 13))
        difference = np.abs(pixels(decoder, numbered(primaries, 13)) - pixels(decoder, by_profile))
        assert difference.mean() < 2
        assert np.abs(pixels(decoder, by_profile) - np.asarray(CAT)).mean() > 4


@pytest.mark.parametrize(("primaries", "transfer"), [(1, 13), (1, 1), (12, 16), (9, 18), (2, 2)])
def test_others_are_left_as_they_are(decoder: Decoder, primaries: int, transfer: int) -> None:
    plain = pixels(decoder, avif(CAT, icc_profile=b""))
    assert np.array_equal(pixels(decoder, numbered(primaries, transfer)), plain)


def media_data(data: bytes) -> bytes:
    return data[data.index(b"mdat") + 4 :]


@pytest.mark.parametrize("size", [(1, 1), (16, 9), (333, 17), (451, 300)])
@pytest.mark.parametrize("subsampling", ["4:2:0", "4:4:4", "4:0:0"])
def test_av1_says_its_own_size(size: tuple[int, int], subsampling: str) -> None:
    photo = CAT.resize(size).convert("L" if subsampling == "4:0:0" else "RGB")
    data = as_bytes(photo, "AVIF", subsampling=subsampling)
    assert coded_pixels(media_data(data)) == size[0] * size[1]
    check_avif_frames(data, size[0] * size[1])


def test_and_the_frames_of_its_animations() -> None:
    moving = as_bytes(CAT, "AVIF", save_all=True, append_images=[CAT.rotate(90), CAT.rotate(180)])
    # The still picture is the first frame.
    assert coded_pixels(media_data(moving)) == 3 * 300 * 451


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x32\x00", "before its sequence"),
        (b"\x0a" + b"\xff" * 8, "no end"),
        (b"\x12\0" * 20_000, "too many"),
    ],
)
def test_other_av1_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        coded_pixels(data)


def extension(kind: int, *pieces: bytes) -> bytes:
    return bytes((0x21, kind)) + b"".join(bytes((len(p),)) + p for p in pieces) + b"\0"


def with_extensions(gif: bytes, *extensions: bytes) -> bytes:
    start = 13 + (3 << ((gif[10] & 7) + 1))
    return gif[:start] + b"".join(extensions) + gif[start:]


def test_extras_of_a_gif_are_skipped_within_bounds(decoder: Decoder) -> None:
    gif = as_bytes(CAT.quantize(200), "GIF")
    right = pixels(decoder, gif)
    extras = (
        extension(0xFE, *[b"x" * 255] * 9000),
        extension(0xFF, b"\xff\0\x2c\x3b"),
        extension(1),
    )
    assert np.array_equal(pixels(decoder, with_extensions(gif, *extras)), right)
    with pytest.raises(UndecodableImage, match="comments"):
        pixels(decoder, with_extensions(gif, extension(0xFE, *[b"x"] * 200_000)))


@pytest.mark.parametrize("cut", [6, 10, 13, 100])
def test_a_gif_without_a_picture_is_refused(decoder: Decoder, cut: int) -> None:
    with pytest.raises(UndecodableImage):
        pixels(decoder, as_bytes(CAT, "GIF")[:cut])
