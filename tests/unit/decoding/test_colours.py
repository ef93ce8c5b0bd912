"""Photos are seen in sRGB, whatever their profile."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from service.decoding.decoder import Decoder
from service.imaging.colour import pixels_to_srgb, to_srgb
from service.imaging.display_profile import read_display_profile
from service.imaging.icc import profile_tags
from service.inference.engines.selection import LoadedNetwork
from tests.hostile.containers import png_chunk, with_png_chunks
from tests.support.decoding import signed_pixels as pixels
from tests.support.inputs import input_bytes
from tests.support.photos import as_bytes, photo_bytes
from tests.support.profiles import (
    ADOBE,
    P3,
    PROPHOTO,
    SRGB,
    cmyk_profile,
    grey_profile,
    profile,
    rgb_profile,
    shown,
)

CAT = np.asarray(Image.open(io.BytesIO(photo_bytes("chelsea.png"))))
_DISPLAYS = {
    "Display P3": (P3, 2.2),
    "Adobe RGB": (ADOBE, 2.2),
    "ProPhoto": (PROPHOTO, 1.8),
    "linear": (SRGB, 1.0),
    "old Macintosh": (SRGB, 1.8),
}
WITHIN = 2


def error(decoder: Decoder, data: bytes, right: NDArray[Any]) -> float:
    return float(np.abs(pixels(decoder, data) - right).max())


@pytest.mark.parametrize("name", ["icc_p3_coffee.jpg", "icc_prophoto_coffee.jpg"])
def test_photos_of_other_colours_look_as_the_same_photo_in_srgb(
    decoder: Decoder, name: str
) -> None:
    right = pixels(decoder, input_bytes("base.jpg"))
    assert np.abs(pixels(decoder, input_bytes(name)) - right).mean() < 3


@pytest.mark.parametrize("name", ["icc_p3_coffee.jpg", "icc_prophoto_coffee.jpg"])
def test_and_have_its_depth(decoder: Decoder, exact: LoadedNetwork, name: str) -> None:
    def depth(data: bytes) -> NDArray[np.float32]:
        tensor = decoder.network_input(data, exact.spec.input_rule).tensor
        values: NDArray[np.float32] = exact.engine.infer(tensor[np.newaxis])[0]
        return values

    right = depth(input_bytes("base.jpg"))
    untagged = as_bytes(Image.open(io.BytesIO(input_bytes(name))), "PNG", icc_profile=None)
    off = np.abs(depth(untagged) - right).mean()
    assert np.abs(depth(input_bytes(name)) - right).mean() < 0.6 * off


@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("name", _DISPLAYS)
def test_every_format_and_display(decoder: Decoder, name: str, format: str) -> None:
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    data = as_bytes(CAT, format, icc_profile=rgb_profile(*_DISPLAYS[name]), **options)
    right = shown(CAT, *_DISPLAYS[name])
    assert np.abs(right - CAT).max() > 4 * WITHIN
    assert error(decoder, data, right) <= WITHIN


def test_a_profile_in_many_parts_of_a_jpeg(decoder: Decoder) -> None:
    long = rgb_profile(P3, 2.2) + bytes(200_000)
    long = struct.pack(">L", len(long)) + long[4:]
    plain = as_bytes(CAT, "JPEG", quality=95)
    right = shown(pixels(decoder, plain).astype(np.uint8), P3, 2.2)
    data = as_bytes(CAT, "JPEG", quality=95, icc_profile=long)
    assert error(decoder, data, right) <= WITHIN


@pytest.mark.parametrize("mode", ["RGBA", "P", "L"])
def test_transparent_palette_and_grey_pixels_have_profiles_too(decoder: Decoder, mode: str) -> None:
    photo = Image.fromarray(CAT)
    if mode == "RGBA":
        photo.putalpha(
            Image.fromarray(np.repeat(np.arange(300, dtype=np.uint8)[:, None] // 2, 451, 1))
        )
    photo = photo.convert(mode)
    colours = np.asarray(photo.convert("RGB"))
    alpha = np.asarray(photo.convert("RGBA"))[..., 3:] / 255
    right = alpha * shown(colours, ADOBE, 2.2) + (1 - alpha) * 255
    data = as_bytes(photo, icc_profile=rgb_profile(ADOBE, 2.2))
    assert error(decoder, data, right) <= WITHIN + 1


@pytest.mark.parametrize("gamma", [1.0, 1.8])
def test_grey_profiles(decoder: Decoder, gamma: float) -> None:
    grey = np.asarray(Image.fromarray(CAT).convert("L"))
    right = shown(np.repeat(grey[..., np.newaxis], 3, 2), SRGB, gamma)
    assert error(decoder, as_bytes(grey, icc_profile=grey_profile(gamma)), right) <= WITHIN


@pytest.mark.parametrize("format", ["JPEG", "TIFF"])
def test_inks_look_as_their_press_says(decoder: Decoder, format: str) -> None:
    inks = Image.new("CMYK", (16, 16), (0, 0, 0, 255))
    # L* 53.2, a* 80, b* 67: red.
    press = cmyk_profile((136, 208, 195))
    printed = pixels(decoder, as_bytes(inks, format, icc_profile=press))[8, 8]
    assert np.abs(printed - (255, 0, 0)).max() <= 8
    assert pixels(decoder, as_bytes(inks, format))[8, 8].max() <= 2


@pytest.mark.parametrize(
    "own",
    [
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        Image.open(io.BytesIO(photo_bytes("chelsea.png"))).info["icc_profile"],
    ],
    ids=["lcms", "IEC61966-2.1"],
)
def test_srgb_is_left_as_it_is_to_the_last_pixel(decoder: Decoder, own: bytes) -> None:
    every_level = np.arange(256 * 3, dtype=np.uint8).reshape(16, 16, 3)
    for image in (CAT, every_level):
        assert error(decoder, as_bytes(image, icc_profile=own), image) == 0


_SOUND = rgb_profile(P3, 2.2)


def huge_table(kind: bytes, points: int) -> bytes:
    return kind + bytes(4) + bytes((3, 3, points, 0)) + bytes(400)


def table_of_curves(points: int) -> bytes:
    offsets = struct.pack(">5L", 0, 0, 0, 32, 0)
    return (
        b"mAB "
        + bytes(4)
        + bytes((3, 3, 0, 0))
        + offsets
        + bytes((points,)) * 16
        + bytes((2, 0, 0, 0))
    )


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"profile",
        bytes(5000),
        _SOUND[:200],
        _SOUND[:-40],
        _SOUND[:16] + b"CMYK" + _SOUND[20:],
        _SOUND[:16] + b"GRAY" + _SOUND[20:],
        _SOUND[:12] + b"link" + _SOUND[16:],
        _SOUND[:128] + b"\xff" * 4 + _SOUND[132:],
        cmyk_profile((0, 0, 0)),
        profile(b"RGB ", {b"A2B0": huge_table(b"mft1", 255)}),
        profile(b"RGB ", {b"A2B0": huge_table(b"mft2", 200)}),
        profile(b"RGB ", {b"A2B0": table_of_curves(255)}),
        profile(b"RGB ", {b"D2B0": b"mpet" + bytes(400)}),
        _SOUND + bytes(5 << 20),
    ],
)
def test_a_broken_profile_is_ignored(decoder: Decoder, broken: bytes) -> None:
    chunk = png_chunk(b"iCCP", b"broken\0\0" + zlib.compress(broken))
    data = with_png_chunks(as_bytes(CAT, icc_profile=None), chunk)
    assert error(decoder, data, CAT) == 0


def formula(kind: int, *numbers: float) -> bytes:
    fixed = [round(65536 * number) for number in numbers]
    return b"para" + bytes(4) + struct.pack(f">HH{len(fixed)}l", kind, 0, *fixed)


def table(*values: int) -> bytes:
    return b"curv" + bytes(4) + struct.pack(f">L{len(values)}H", len(values), *values)


CURVES = {
    "power": formula(0, 2.4),
    "power of a shifted level": formula(1, 2.2, 1.1, -0.1),
    "and above a floor": formula(2, 2.2, 1.05, -0.05, 0),
    "sRGB's": formula(3, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045),
    "all parameters": formula(4, 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045, 0, 0),
    "identity": table(),
    "a number": table(round(256 * 1.9)),
    "a short table": table(0, 9000, 30000, 65535),
    "a long table": table(*(round(65535 * (n / 1023) ** 2.1) for n in range(1024))),
}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("primaries", [P3, ADOBE, PROPHOTO], ids=["P3", "Adobe", "ProPhoto"])
def test_a_displays_profile_gives_what_lcms_gives(
    curve: str, primaries: NDArray[np.float64]
) -> None:
    check_as_lcms(with_curve(primaries, CURVES[curve]))


def test_and_so_does_one_with_another_curve_for_each_channel() -> None:
    powers = iter((1.7, 2.0, 2.3))
    tags = dict(profile_tags(rgb_profile(P3, 2.2)))
    curves = {name: formula(0, next(powers)) for name in tags if name.endswith(b"TRC")}
    assert len(curves) == 3
    check_as_lcms(profile(b"RGB ", tags | curves))


def check_as_lcms(own: bytes) -> None:
    photo = Image.fromarray(CAT)
    convert = pixels_to_srgb(photo, own)
    assert convert is not None
    by_lcms, converted = np.asarray(to_srgb(photo, own), np.int16), CAT.copy()
    convert(converted)
    assert np.abs(converted - by_lcms).max() <= 1
    assert (converted != by_lcms).mean() < 0.05


@pytest.mark.parametrize("format", ["PNG", "JPEG"])
def test_and_photos_go_that_way(decoder: Decoder, format: str) -> None:
    own = rgb_profile(P3, 2.2)
    plain = pixels(decoder, as_bytes(CAT, format, icc_profile=None)).astype(np.uint8)
    convert = pixels_to_srgb(Image.fromarray(plain), own)
    assert convert is not None
    by_lcms = np.asarray(to_srgb(Image.fromarray(plain), own))
    convert(plain)
    assert np.array_equal(pixels(decoder, as_bytes(CAT, format, icc_profile=own)), plain)
    assert (plain != by_lcms).any()


def with_curve(primaries: NDArray[np.float64], curve: bytes) -> bytes:
    plain = rgb_profile(primaries, 1.5)
    return profile(
        b"RGB ",
        {
            name: curve if name.endswith(b"TRC") else content
            for name, content in profile_tags(plain)
            if name != b"wtpt"
        },
    )


@pytest.mark.parametrize(
    "curve",
    [b"curv", b"para" + bytes(8), formula(9, 1), formula(0), table(1)[:8] + b"\xff" * 6, b"none"],
)
def test_a_curve_that_is_not_understood_is_left_to_lcms(curve: bytes) -> None:
    assert read_display_profile(with_curve(P3, curve)) is None


@pytest.mark.parametrize(
    "curve", [formula(2, 2.2, 0.9, 0.1, 0.02), formula(4, 2.4, 0.9, 0, 0.1, 0.1, 0, 0.1)]
)
def test_nor_is_one_that_lcms_stretches_to_black_and_white(curve: bytes) -> None:
    assert pixels_to_srgb(Image.fromarray(CAT), with_curve(P3, curve)) is None


def test_presses_tables_are_left_to_lcms() -> None:
    assert read_display_profile(cmyk_profile((9, 99, 99))) is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photo_is_turned_and_converted(decoder: Decoder, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    plain = pixels(decoder, as_bytes(CAT, exif=exif, icc_profile=None))
    right = shown(plain.astype(np.uint8), P3, 2.2)
    data = as_bytes(CAT, exif=exif, icc_profile=rgb_profile(P3, 2.2))
    assert error(decoder, data, right) <= WITHIN


def test_large_photos_have_their_colours_in_a_process_without_threads_too(
    decoder: Decoder,
) -> None:
    large = np.tile(CAT[:250, :400], (6, 5, 1))
    data = as_bytes(large, "BMP")
    assert error(decoder, data, large) == 0
    data = as_bytes(large, "TIFF", icc_profile=rgb_profile(P3, 2.2))
    assert error(decoder, data, shown(large, P3, 2.2)) <= WITHIN
