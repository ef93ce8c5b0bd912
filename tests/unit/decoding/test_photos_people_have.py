"""Each kind of photo that people send gives the pixels of the right file beside it."""

from __future__ import annotations

import io
import random
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.decoding.decoder import Decoder
from service.errors import UndecodableImage
from tests.hostile.containers import (
    Tag,
    bmp,
    image_tags,
    png_chunk,
    tiff_file,
    with_jpeg_segments,
    with_png_chunks,
)
from tests.hostile.seeds import seed_photos
from tests.support.decoding import pixels, refusal
from tests.support.inputs import input_bytes
from tests.support.photos import as_bytes, jpeg_of_many_scans, photo_bytes

BASE = input_bytes("base.jpg")
CAT = Image.open(io.BytesIO(photo_bytes("chelsea.png")))


def noise(count: int) -> bytes:
    return random.Random(7).randbytes(count)  # noqa: S311 (not a secret)


@pytest.mark.parametrize("trailer", [noise(9_000_000), b"\xff\xda" * 5000, BASE * 200])
@pytest.mark.parametrize("name", ["base.jpg", "mpo_gain_ori6.jpg"])
def test_what_follows_a_jpeg_is_not_looked_at(decoder: Decoder, name: str, trailer: bytes) -> None:
    photo = input_bytes(name)
    assert np.array_equal(pixels(decoder, photo + trailer), pixels(decoder, photo))


def test_a_jpeg_whose_previews_index_is_wrong_is_a_jpeg(decoder: Decoder) -> None:
    damaged = input_bytes("mpo_gain_ori6.jpg").replace(b"MPF\0MM", b"MPF\0XX")
    damaged = damaged.replace(b"MPF\0II", b"MPF\0XX")
    expected = pixels(decoder, input_bytes("mpo_gain_ori6.jpg"))
    assert np.array_equal(pixels(decoder, damaged), expected)


def test_pixels_of_a_tiff_may_look_like_scans(decoder: Decoder) -> None:
    expected = pixels(decoder, input_bytes("peachpuff.png"))
    assert np.array_equal(pixels(decoder, input_bytes("tif_peachpuff.tif")), expected)


def test_a_jpeg_of_too_many_scans_within_a_tiff_is_refused(decoder: Decoder) -> None:
    def tiff_of_scans(scans: int) -> bytes:
        return tiff_file(image_tags(64, 64, tag259=7), jpeg_of_many_scans(64, scans))

    assert pixels(decoder, tiff_of_scans(20)).shape == (64, 64, 3)
    assert isinstance(refusal(decoder, tiff_of_scans(4000)), UndecodableImage)


def test_an_unreadable_tag_beside_the_orientation_does_not_matter(decoder: Decoder) -> None:
    expected = pixels(decoder, input_bytes("exif_real_ok.jpg"))
    assert expected.shape == (240, 360, 3)
    assert np.array_equal(pixels(decoder, input_bytes("exif_real_1bad_caption.jpg")), expected)


def exif_of(*tags: Tag) -> bytes:
    entries = (struct.pack("<HHL4s", *tag) for tag in tags)
    return struct.pack("<2sHLH", b"II", 42, 8, len(tags)) + b"".join(entries) + bytes(4)


_TURN = (0x0112, 3, 1, b"\6\0\0\0")


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "other",
    [
        (0x010E, 2, 99, b"\xff\xff\xff\x7f"),  # a caption beyond the end
        (0x011A, 5, 1, b"\0\0\0\0"),  # a resolution that is the header
        (0x0110, 200, 1, b"abcd"),  # of no known type
        (0x8769, 4, 1, b"\x08\0\0\0"),  # a directory that contains itself
        (0x927C, 7, 2**31, b"\0\0\0\0"),
    ],
)
def test_orientation_beside_any_damaged_tag(decoder: Decoder, format: str, other: Tag) -> None:
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    turned = as_bytes(CAT, format, exif=b"Exif\0\0" + exif_of(other, _TURN), **options)
    upright = np.rot90(pixels(decoder, as_bytes(CAT, format, **options)), -1)
    assert np.array_equal(pixels(decoder, turned), upright)


def test_orientation_beside_a_damaged_tag_in_a_tiff(decoder: Decoder) -> None:
    damaged: Tag = (0x8769, 4, 1, struct.pack("<L", 2**31))
    samples = bytes(range(6))
    plain = pixels(decoder, tiff_file(image_tags(3, 2), samples))
    turned = tiff_file([*image_tags(3, 2), _TURN, damaged], samples)
    assert np.array_equal(pixels(decoder, turned), np.rot90(plain, -1))


def ztxt(name: bytes, text: bytes) -> bytes:
    return png_chunk(b"zTXt", name + b"\0\0" + zlib.compress(text))


def broken(chunk: bytes) -> bytes:
    """A chunk with another checksum."""
    return chunk[:-1] + bytes((chunk[-1] ^ 1,))


@pytest.mark.parametrize(
    "chunk",
    [
        ztxt(b"Comment", b"x" * 15_000_000),
        ztxt(b"Comment", b"x" * 15_000_000) * 20,
        broken(png_chunk(b"tEXt", b"Software\0paint")),
        broken(png_chunk(b"tRNS", b"\0\1\0\2\0\3")),
        broken(png_chunk(b"eXIf", exif_of(_TURN))),
        broken(png_chunk(b"iCCP", b"p\0\0" + zlib.compress(b"p" * 200))),
        png_chunk(b"tRNS", b"\0"),
        png_chunk(b"iCCP", b"p\0\7" + b"noise"),
        png_chunk(b"gAMA", b"\0"),
        png_chunk(b"pHYs", b"\0"),
        png_chunk(b"zTXt", b"no method\0"),
        png_chunk(b"tEXt", b"\xff" * 99),
        png_chunk(b"acTL", b"\0"),
    ],
)
def test_damaged_or_huge_extras_of_a_png_are_skipped(decoder: Decoder, chunk: bytes) -> None:
    photo = as_bytes(CAT)
    assert np.array_equal(pixels(decoder, with_png_chunks(photo, chunk)), np.asarray(CAT))


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"PLTE"])
def test_damaged_pixels_of_a_png_are_not_skipped(decoder: Decoder, kind: bytes) -> None:
    photo = as_bytes(CAT.quantize(16))
    at = photo.index(kind) + 8
    assert isinstance(
        refusal(decoder, photo[:at] + bytes((photo[at] ^ 0x55,)) + photo[at + 1 :]),
        UndecodableImage,
    )


def test_orientation_in_the_old_text_of_a_png(decoder: Decoder) -> None:
    exif = b"Exif\0\0" + exif_of(_TURN)
    profile = f"\nexif\n{len(exif):8}\n{exif.hex()}\n".encode()
    data = with_png_chunks(as_bytes(CAT), ztxt(b"Raw profile type exif", profile))
    assert np.array_equal(pixels(decoder, data), np.rot90(np.asarray(CAT), -1))


_JPEGS: dict[str, dict[str, Any]] = {
    "baseline": {},
    "progressive": {"progressive": True},
    "restarts": {"restart_marker_rows": 1},
    "grey": {},
    "small": {},
}


def jpeg(kind: str) -> bytes:
    photo = CAT.convert("L") if kind == "grey" else CAT
    return as_bytes(photo.resize((33, 17)) if kind == "small" else photo, "JPEG", **_JPEGS[kind])


@pytest.mark.parametrize("kind", _JPEGS)
@pytest.mark.parametrize("missing", [1, 2])
@pytest.mark.parametrize("more", [b"", noise(5000).replace(b"\xff", b"")])
def test_a_jpeg_without_its_end_is_whole(
    decoder: Decoder, kind: str, missing: int, more: bytes
) -> None:
    photo = jpeg(kind)
    cut = photo[:-missing] + (more if missing == 2 else b"")
    assert np.array_equal(pixels(decoder, cut), pixels(decoder, photo))


@pytest.mark.parametrize("kind", _JPEGS)
@pytest.mark.parametrize("missing", [8, 20, 100])
def test_a_jpeg_that_lacks_picture_data_is_refused(
    decoder: Decoder, kind: str, missing: int
) -> None:
    error = refusal(decoder, jpeg(kind)[:-missing])
    assert isinstance(error, UndecodableImage)
    assert "truncated" in error.detail


@pytest.mark.parametrize("kind", _JPEGS)
def test_filling_is_no_picture_data(decoder: Decoder, kind: str) -> None:
    photo = jpeg(kind)
    whole = pixels(decoder, photo[:-2] + bytes(100_000))
    assert np.array_equal(whole, pixels(decoder, photo))
    cut = photo[: len(photo) * 9 // 10] + bytes(100_000)
    assert isinstance(refusal(decoder, cut), UndecodableImage)


def test_a_progressive_jpeg_that_lacks_its_last_pass_is_refused(decoder: Decoder) -> None:
    photo = jpeg("progressive")
    assert isinstance(refusal(decoder, photo[: photo.rindex(b"\xff\xda")]), UndecodableImage)


def deep_png(image: NDArray[np.uint16], transparent: bytes) -> bytes:
    done, data = cv2.imencode(".png", image[..., ::-1] if image.ndim == 3 else image)
    assert done
    return with_png_chunks(data.tobytes(), png_chunk(b"tRNS", transparent))


def test_sixteen_bit_grey_with_a_transparent_level_is_on_white(decoder: Decoder) -> None:
    expected = pixels(decoder, input_bytes("small_gray_onwhite.png"))
    assert np.array_equal(pixels(decoder, input_bytes("png16_gray_trns.png")), expected)


def test_a_transparent_colour_of_sixteen_bits_is_told_by_all_of_them(decoder: Decoder) -> None:
    grey: NDArray[np.uint16] = np.array([[0x1234, 0x1235]], np.uint16)
    assert pixels(decoder, deep_png(grey, b"\x12\x34"))[0, :, 0].tolist() == [255, 0x12]
    colour = np.array([[[0x1234, 1, 0xFFFF], [0x1234, 2, 0xFFFF]]], np.uint16)
    decoded = pixels(decoder, deep_png(colour, struct.pack(">HHH", 0x1234, 1, 0xFFFF)))
    assert decoded.tolist() == [[[255, 255, 255], [0x12, 0, 0xFF]]]


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_a_transparent_level_of_few_bits(decoder: Decoder, bits: int) -> None:
    # Two pixels, of the level 0 and of the highest.
    row = (
        bytes((0, (1 << bits) - 1)) if bits == 8 else bytes((((1 << bits) - 1) << (8 - 2 * bits),))
    )
    header = struct.pack(">IIBBBBB", 2, 1, bits, 0, 0, 0, 0)
    chunks = [
        png_chunk(b"IHDR", header),
        png_chunk(b"tRNS", b"\0\0"),
        png_chunk(b"IDAT", zlib.compress(b"\0" + row)),
        png_chunk(b"IEND", b""),
    ]
    last = with_png_chunks(b"\x89PNG\r\n\x1a\n" + b"".join(chunks))
    assert pixels(decoder, last)[0, :, 0].tolist() == [255, 255]
    level = last.replace(chunks[1], png_chunk(b"tRNS", struct.pack(">H", (1 << bits) - 1)))
    assert pixels(decoder, level)[0, :, 0].tolist() == [0, 255]


def test_a_bitmap_whose_alpha_is_all_zero_is_opaque(decoder: Decoder) -> None:
    masks = struct.pack("<IIII", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)

    def bitmap(alpha: int) -> bytes:
        pixel = bytes((10, 20, 30, alpha))
        rest = masks + bytes(52) + pixel * 4
        return bmp(2, 2, rest, bits=32, compression=3, offset=14 + 108, header_size=108)

    assert pixels(decoder, bitmap(0))[0, 0].tolist() == [30, 20, 10]
    assert pixels(decoder, bitmap(255))[0, 0].tolist() == [30, 20, 10]
    assert (pixels(decoder, bitmap(1)) > 250).all()


@pytest.mark.parametrize("name", seed_photos())
def test_both_ways_read_every_kind(decoder: Decoder, name: str) -> None:
    assert pixels(decoder, seed_photos()[name]).shape in {(28, 40, 3), (40, 28, 3)}


def test_metadata_of_any_size_is_left_out_of_a_jpeg(decoder: Decoder) -> None:
    segment = (
        struct.pack(">BBH", 0xFF, 0xED, 60_002) + b"Photoshop 3.0\0" + b"8BIM" * 14_996 + b"\0\0"
    )
    data = with_jpeg_segments(BASE, *[segment[:60_004]] * 30)
    assert np.array_equal(pixels(decoder, data), pixels(decoder, BASE))
