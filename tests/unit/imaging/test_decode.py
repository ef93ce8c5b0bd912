from __future__ import annotations

import io
import struct
import subprocess
import sys
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from service.errors import PayloadTooLarge, UndecodableImage, UnsupportedMediaType
from service.imaging.decode import decode_photo, read_header
from service.imaging.files.formats import sniff
from tests.support.photos import (
    as_bytes,
    grey_tiff,
    jpeg_of_many_scans,
    photo_bytes,
    png_header_bomb,
    run_length_bmp,
    tiff_of_one_huge_tile,
    zip_bytes,
)

LIMIT = 50_000_000


def pixels_of(data: bytes) -> NDArray[np.uint8]:
    photo = decode_photo(data)
    assert photo.pixels.shape == (photo.height, photo.width, 3)
    return photo.pixels


@pytest.fixture(scope="module")
def cat() -> NDArray[np.uint8]:
    """A real photo, (300, 451, 3)."""
    return np.asarray(Image.open(io.BytesIO(photo_bytes("chelsea.png"))))


@pytest.mark.parametrize(
    ("format", "options"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("TIFF", {"big_tiff": True}),
        ("WEBP", {"lossless": True}),
    ],
)
def test_lossless_formats_give_the_pixels(
    cat: NDArray[np.uint8], format: str, options: dict[str, Any]
) -> None:
    assert np.array_equal(pixels_of(as_bytes(cat, format, **options)), cat)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_jpeg(cat: NDArray[np.uint8], options: dict[str, Any]) -> None:
    decoded = pixels_of(as_bytes(cat, "JPEG", quality=95, **options)).astype(int)
    assert np.abs(decoded - cat).mean() < 3


_UPRIGHT = {
    1: lambda p: p,
    2: lambda p: p[:, ::-1],
    3: lambda p: p[::-1, ::-1],
    4: lambda p: p[::-1],
    5: lambda p: p.transpose(1, 0, 2),
    6: lambda p: np.rot90(p, -1),
    7: lambda p: p[::-1, ::-1].transpose(1, 0, 2),
    8: lambda p: np.rot90(p, 1),
}


@pytest.mark.parametrize("orientation", _UPRIGHT)
@pytest.mark.parametrize("format", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_exif_orientation_is_applied(cat: NDArray[np.uint8], orientation: int, format: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    options: dict[str, Any] = {"lossless": True} if format == "WEBP" else {}
    if format == "JPEG":
        options = {"quality": 95, "subsampling": 0}
    data = as_bytes(cat, format, exif=exif, **options)
    decoded, header = pixels_of(data), read_header(data, LIMIT)
    expected = _UPRIGHT[orientation](cat)
    # What a network will be asked is told by the header.
    assert decoded.shape == expected.shape == (header.height, header.width, 3)
    assert np.abs(decoded.astype(int) - expected).mean() < (3 if format == "JPEG" else 1e-9)


def test_broken_exif_does_not_spoil_the_photo(cat: NDArray[np.uint8]) -> None:
    assert np.array_equal(pixels_of(as_bytes(cat, "PNG", exif=b"Exif\0\0garbage")), cat)


def test_grey_palette_and_bilevel_become_rgb(cat: NDArray[np.uint8]) -> None:
    photo = Image.fromarray(cat)
    for mode in ("L", "P", "1"):
        converted = photo.convert(mode)
        expected = np.asarray(converted.convert("RGB"))
        assert np.array_equal(pixels_of(as_bytes(converted)), expected)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA"])
def test_transparent_pixels_are_composited_on_white(cat: NDArray[np.uint8], mode: str) -> None:
    photo = Image.fromarray(cat).convert("RGBA")
    alpha = np.full(cat.shape[:2], 255, np.uint8)
    alpha[:100] = 0
    alpha[100:200] = 128
    photo.putalpha(Image.fromarray(alpha))
    format = "TIFF" if mode == "PA" else "PNG"
    data = as_bytes(photo.convert("LA").convert("RGBA") if mode == "LA" else photo, format)
    decoded = pixels_of(data).astype(int)
    opaque = np.asarray(photo.convert("RGB")).astype(int)
    if mode == "LA":
        opaque = np.asarray(photo.convert("L").convert("RGB")).astype(int)
    assert (decoded[:100] == 255).all()
    assert np.abs(decoded[100:200] - (opaque[100:200] + 255) / 2).max() <= 1
    assert np.array_equal(decoded[200:], opaque[200:])


def test_palette_with_a_transparent_colour() -> None:
    image = Image.new("P", (2, 1))
    image.putpalette([10, 20, 30, 200, 100, 50])
    image.putdata([0, 1])
    decoded = pixels_of(as_bytes(image, transparency=0))
    assert decoded.tolist() == [[[255, 255, 255], [200, 100, 50]]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("extension", [".png", ".tiff"])
def test_sixteen_bits_are_scaled_to_eight(channels: int, extension: str) -> None:
    ramp = np.linspace(0, 65535, 256 * 16).astype(np.uint16).reshape(64, 64)
    image = np.repeat(ramp[..., None], channels, axis=2).squeeze()
    done, data = cv2.imencode(extension, image)
    assert done
    decoded = pixels_of(data.tobytes()).astype(int)
    assert np.abs(decoded - (ramp / 257)[..., None]).max() <= 1


def test_cmyk_jpeg(cat: NDArray[np.uint8]) -> None:
    data = as_bytes(Image.fromarray(cat).convert("CMYK"), "JPEG", quality=95)
    assert np.abs(pixels_of(data).astype(int) - cat).mean() < 6


@pytest.mark.parametrize("format", ["WEBP", "PNG", "TIFF"])
def test_first_frame_of_an_animation(cat: NDArray[np.uint8], format: str) -> None:
    first, second = Image.fromarray(cat), Image.fromarray(255 - cat)
    options = {"lossless": True} if format == "WEBP" else {}
    data = as_bytes(first, format, save_all=True, append_images=[second], **options)
    assert np.array_equal(pixels_of(data), cat)


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1), (2, 2)])
def test_tiny_and_thin_images(size: tuple[int, int]) -> None:
    data = as_bytes(Image.new("RGB", size, (1, 2, 3)))
    assert read_header(data, LIMIT).pixels == size[0] * size[1]
    assert pixels_of(data).shape == (size[1], size[0], 3)


@pytest.mark.parametrize(
    "data",
    [b"", b"hello", zip_bytes(), b"%PDF-1.7", b"RIFF\0\0\0\0WAVE"],
    ids=["empty", "text", "zip", "pdf", "wav"],
)
def test_other_bytes_are_an_unsupported_media_type(data: bytes) -> None:
    for read in (lambda: read_header(data, LIMIT), lambda: decode_photo(data)):
        with pytest.raises(UnsupportedMediaType):
            read()


@pytest.mark.parametrize(
    ("start", "name"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC"),
        (b"\0\0\0\x1cftypmif1", "HEIC"),
        (b"\0\0\0\x1cftypmsf1\0\0\0\0msf1hevcmif1", "HEIC"),
        (b"\0\0\0\x18ftypcrx ", r"a raw photo \(CR3\)"),
        (b"\0\0\0\x14ftypqt  ", "a video"),
        (b"\xff\x0a", "JPEG XL"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000"),
        (b"%PDF-1.7", "PDF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg">', "SVG"),
        (b"8BPS\0\1", "a Photoshop document"),
        (b"FUJIFILMCCD-RAW ", r"a raw photo \(RAF\)"),
    ],
)
def test_formats_that_phones_and_chats_send_are_refused_by_name(start: bytes, name: str) -> None:
    with pytest.raises(UnsupportedMediaType, match=f"This is {name}, which is not read here: "):
        sniff(start + bytes(100))


@pytest.mark.parametrize("format", ["JPEG", "PNG", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_images_are_refused(cat: NDArray[np.uint8], format: str, share: float) -> None:
    data = as_bytes(cat, format)
    with pytest.raises(UndecodableImage) as caught:
        pixels_of(data[: int(share * len(data))])
    assert "/" not in caught.value.detail


def test_pixel_limit_is_checked_from_the_header() -> None:
    with pytest.raises(PayloadTooLarge, match="100000x100000"):
        read_header(png_header_bomb(), LIMIT)
    data = as_bytes(Image.new("L", (11, 10)))
    assert read_header(data, 110).pixels == 110
    with pytest.raises(PayloadTooLarge):
        read_header(data, 109)


def test_a_jpeg_of_thousands_of_scans_is_refused_before_it_is_decoded() -> None:
    assert read_header(jpeg_of_many_scans(64, 20), LIMIT).pixels == 64 * 64
    assert pixels_of(jpeg_of_many_scans(64, 20)).shape == (64, 64, 3)
    with pytest.raises(UndecodableImage, match="scans"):
        read_header(jpeg_of_many_scans(64, 4000), LIMIT)


def test_a_tiff_tile_beyond_its_image_is_refused_before_it_is_allocated() -> None:
    assert read_header(tiff_of_one_huge_tile(256), LIMIT).pixels == 256
    assert pixels_of(tiff_of_one_huge_tile(256)).shape == (16, 16, 3)
    with pytest.raises(UndecodableImage, match="tiles"):
        read_header(tiff_of_one_huge_tile(4096), LIMIT)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize(("photometric", "expected"), [(0, [255, 0]), (1, [0, 255])])
def test_tiff_white_is_zero(bits: int, photometric: int, expected: list[int]) -> None:
    samples = bytes(bits // 8) + b"\xff" * (bits // 8)
    decoded = pixels_of(grey_tiff(samples, bits, photometric))
    assert decoded[0, :, 0].tolist() == expected


def test_tiff_with_twelve_bits_is_refused_in_words() -> None:
    with pytest.raises(UndecodableImage, match="16 bits"):
        read_header(grey_tiff(b"\xff\xff\xff", 12, 1), LIMIT)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_a_fax_is_refused_before_libtiff_logs_its_rows(compression: str) -> None:
    data = as_bytes(Image.new("1", (16, 16)), "TIFF", compression=compression)
    with pytest.raises(UndecodableImage, match="compressed"):
        read_header(data, LIMIT)


@pytest.mark.parametrize("last", [1, 2])
def test_a_tiff_that_repeats_a_tag_is_refused_since_its_readers_would_disagree(last: int) -> None:
    once = grey_tiff(b"\0\0", 8, 1)
    assert read_header(once, LIMIT).pixels == 2
    start = once.index(struct.pack("<HHL", 259, 4, 1))
    twice = bytearray(once)
    twice[start + 12 : start + 24] = struct.pack("<HHLL", 259, 4, 1, last)
    with pytest.raises(UndecodableImage):
        read_header(bytes(twice), LIMIT)


@pytest.mark.parametrize(("side", "spare"), [(3000, 0), (16, 5_000_000)])
def test_large_run_length_bmps_are_refused_since_they_decode_in_python(
    side: int, spare: int
) -> None:
    runs = b"\x10\7\0\0" * 16 + b"\0\1"
    assert pixels_of(run_length_bmp(16, runs)).shape == (16, 16, 3)
    with pytest.raises(UndecodableImage, match="run-length"):
        read_header(run_length_bmp(side, runs + bytes(spare)), LIMIT)


def test_odd_tags_leave_no_warnings_behind() -> None:
    program = (
        "import sys; from service.imaging.decode import read_header;"
        "import PIL.TiffImagePlugin as tiff; read_header(sys.stdin.buffer.read(), 100);"
        "print(*getattr(tiff, '__warningregistry__', {}))"
    )
    # Two values where there should be one.
    odd = grey_tiff(b"\0\0", 8, 1).replace(
        struct.pack("<HHLL", 257, 4, 1, 1), struct.pack("<HHLHH", 257, 3, 2, 1, 1)
    )
    done = subprocess.run(
        [sys.executable, "-c", program], input=odd, capture_output=True, check=True
    )
    # Python's own key, and no warning.
    assert (done.stderr, done.stdout.strip()) == (b"", b"version")


def test_float_samples_are_refused_in_words() -> None:
    data = as_bytes(Image.new("F", (4, 4)), "TIFF")
    with pytest.raises(UndecodableImage, match="floating-point"):
        pixels_of(data)
