"""What is no photo that is read says so by its own name: raw, not supported, tags of nonsense."""

from __future__ import annotations

import struct

import pytest

from service.decoding.decoder import Decoder
from service.errors import UndecodableImage, UnsupportedMediaType
from tests.hostile.containers import (
    Tag,
    bmp,
    image_tags,
    long_tag,
    tiff_file,
    with_jpeg_frame,
)
from tests.support.decoding import pixels, refusal
from tests.support.inputs import input_bytes

BASE = input_bytes("base.jpg")


def float_tag(number: int, value: float) -> Tag:
    return number, 11, 1, struct.pack("<f", value)


@pytest.mark.parametrize(
    "tag",
    [
        (322, 2, 3, b"ab\0\0"),
        float_tag(322, float("nan")),
        float_tag(323, float("inf")),
        float_tag(278, float("-inf")),
        (258, 2, 2, b"8\0\0\0"),
        (256, 12, 1, b"\0\0\0\0"),
    ],
)
def test_a_tag_that_must_be_a_number_and_is_none(decoder: Decoder, tag: Tag) -> None:
    others = [other for other in image_tags(9, 9) if other[0] != tag[0]]
    assert isinstance(refusal(decoder, tiff_file([*others, tag], bytes(81))), UndecodableImage)


def test_the_tile_of_text_that_ended_a_folder(decoder: Decoder) -> None:
    error = refusal(decoder, input_bytes("tiff_ascii_tag.tif"))
    assert "tag 322 is not a whole number" in error.detail


_UNSUPPORTED: dict[str, tuple[bytes, str]] = {
    "12-bit JPEG": (with_jpeg_frame(BASE, bits=12), "12-bit JPEG"),
    "lossless JPEG": (with_jpeg_frame(BASE, marker=0xC3), "lossless JPEG"),
    "hierarchical JPEG": (with_jpeg_frame(BASE, marker=0xC5), "hierarchical JPEG"),
    "JPEG-LS": (with_jpeg_frame(BASE, marker=0xF7), "JPEG-LS"),
    "JPEG of 2 channels": (with_jpeg_frame(BASE, components=2), "2-channel JPEG"),
    "float TIFF": (
        tiff_file(image_tags(1, 1, tag258=32, tag339=3), bytes(4)),
        "32-bit floating-point samples",
    ),
    "signed TIFF": (
        tiff_file(image_tags(1, 1, tag258=16, tag339=2), bytes(2)),
        "16-bit signed samples",
    ),
    "uncompressed 16-bit planes": (
        tiff_file(image_tags(1, 1, tag258=16, tag284=2), bytes(2)),
        "uncompressed planes of 16 bits",
    ),
    "large TIFF, largest byte first": (b"MM\0+" + BASE, "BigTIFF with the largest byte first"),
    "complex TIFF": (tiff_file(image_tags(1, 1, tag258=64, tag339=6), bytes(8)), "complex"),
    "JPEG 2000 in TIFF": (tiff_file(image_tags(1, 1, tag259=34712), bytes(9)), "JPEG 2000"),
    "WebP in TIFF": (tiff_file(image_tags(1, 1, tag259=50001), bytes(9)), "as WebP"),
    "5 samples": (tiff_file(image_tags(1, 1, tag277=5), bytes(9)), "layout of samples"),
    "10-bit BMP": (
        bmp(1, 1, struct.pack("<III", 1023 << 20, 1023 << 10, 1023) + bytes(4), bits=32,
            compression=3, offset=66),
        "10 bits a channel",
    ),
    "16-bit BMP": (bmp(1, 1, bytes(8), bits=64), "layout of samples"),
    "4-bit BMP channels": (
        bmp(1, 1, struct.pack("<III", 0xF00, 0xF0, 0xF) + bytes(4), bits=16, compression=3,
            offset=66),
        "layout of samples",
    ),
    "JPEG in BMP": (bmp(1, 1, BASE, bits=0, compression=4), "wrapper of a JPEG"),
}  # fmt: skip


@pytest.mark.parametrize("name", _UNSUPPORTED)
def test_what_is_valid_and_not_supported_is_told_what_it_is(decoder: Decoder, name: str) -> None:
    data, words = _UNSUPPORTED[name]
    error = refusal(decoder, data)
    assert isinstance(error, UndecodableImage)
    assert words in error.detail
    assert "not supported" in error.detail


@pytest.mark.parametrize(
    "tag", [long_tag(50706, 0x0401), long_tag(262, 32803), long_tag(259, 34713)]
)
def test_raw_photos_are_told_by_their_tags(decoder: Decoder, tag: Tag) -> None:
    others = [other for other in image_tags(9, 9) if other[0] != tag[0]]
    preview = tiff_file([*others, tag], bytes(81))
    error = refusal(decoder, preview)
    assert isinstance(error, UnsupportedMediaType)
    assert "raw photo" in error.detail
    assert "send the JPEG" in error.detail


def sub_directory(preview: list[Tag], main: list[Tag]) -> bytes:
    """A TIFF of one directory and another below it."""
    start = len(tiff_file([*preview, long_tag(330, 0)], bytes(81)))
    entries = b"".join(struct.pack("<HHL4s", *tag) for tag in sorted(main))
    directory = struct.pack("<H", len(main)) + entries + bytes(4)
    return tiff_file([*preview, long_tag(330, start)], bytes(81)) + directory


def test_a_raw_photo_may_hide_behind_its_preview(decoder: Decoder) -> None:
    plain = image_tags(9, 9)
    reduced = [*plain, long_tag(254, 1)]
    for preview, main in ((plain, [long_tag(262, 32803)]), (reduced, [long_tag(254, 0)])):
        assert "raw photo" in refusal(decoder, sub_directory(preview, main)).detail
    # Smaller copies below the photo, as in a pyramid, and a page that is small itself.
    pixels(decoder, sub_directory(plain, [long_tag(254, 1)]))
    pixels(decoder, tiff_file(reduced, bytes(81)))
