"""Which kind of file bytes are, by themselves: names and declared media types are not believed."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from service.errors import UnsupportedMediaType


@dataclass(frozen=True)
class PhotoFormat:
    """A format that photos are read from.

    ``suffixes`` are of files' names, in lower case; ``media_types`` what browsers call it.
    """

    name: str
    suffixes: tuple[str, ...]
    media_types: tuple[str, ...]


JPEG = PhotoFormat("JPEG", (".jpg", ".jpeg", ".jfif"), ("image/jpeg",))
PNG = PhotoFormat("PNG", (".png",), ("image/png",))
WEBP = PhotoFormat("WebP", (".webp",), ("image/webp",))
BMP = PhotoFormat("BMP", (".bmp",), ("image/bmp",))
TIFF = PhotoFormat("TIFF", (".tif", ".tiff"), ("image/tiff",))
GIF = PhotoFormat("GIF", (".gif",), ("image/gif",))
AVIF = PhotoFormat("AVIF", (".avif",), ("image/avif",))

HEIC = PhotoFormat("HEIC", (".heic", ".heif"), ("image/heic", "image/heif"))

PHOTO_FORMATS = (JPEG, PNG, WEBP, AVIF, GIF, BMP, TIFF)
OPTIONAL_FORMATS = (HEIC,)
"""What is read only where an extra is installed and the operator has it so."""

_SIGNATURES = (
    (b"\xff\xd8\xff", JPEG),
    (b"\x89PNG\r\n\x1a\n", PNG),
    (b"GIF87a", GIF),
    (b"GIF89a", GIF),
    (b"BM", BMP),
    (b"II*\x00", TIFF),
    (b"MM\x00*", TIFF),
    (b"II+\x00", TIFF),
    (b"MM\x00+", TIFF),
)


def signatures(photo_format: PhotoFormat) -> tuple[bytes, ...]:
    """What files of the format begin with, where all of them begin alike."""
    return tuple(mark for mark, found in _SIGNATURES if found is photo_format)


_RAW = "send the JPEG that the camera made beside it, or one exported from it"
_VIDEO = "send one of its frames, as JPEG or PNG"
_EXPORT = "export it as JPEG or PNG"
# What phones, cameras, editors and desks send: at which byte, by which mark, its name, and what
# to send instead.
_UNSUPPORTED = (
    (0, b"\xff\x0a", "JPEG XL", _EXPORT),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL", _EXPORT),
    (0, b"\0\0\0\x0cjP  \r\n\x87\n", "JPEG 2000", _EXPORT),
    (0, b"\xff\x4f\xff\x51", "JPEG 2000", _EXPORT),
    (0, b"II\xbc\x01", "JPEG XR", _EXPORT),
    (0, b"%PDF-", "PDF", "send the photo in it, or a page as PNG"),
    (0, b"%!PS", "PostScript", "send a page as PNG"),
    (0, b"8BPS", "a Photoshop document", _EXPORT),
    (0, b"\0\0\1\0", "an icon (ICO)", _EXPORT),
    (0, b"v/1\1", "OpenEXR", _EXPORT),
    (0, b"#?RADIANCE", "Radiance HDR", _EXPORT),
    (0, b"qoif", "QOI", _EXPORT),
    (0, b"FUJIFILMCCD-RAW", "a raw photo (RAF)", _RAW),
    (0, b"IIU\0", "a raw photo (RW2)", _RAW),
    (0, b"IIRO", "a raw photo (ORF)", _RAW),
    (0, b"IIRS", "a raw photo (ORF)", _RAW),
    (0, b"MMOR", "a raw photo (ORF)", _RAW),
    (0, b"\0MRM", "a raw photo (MRW)", _RAW),
    (0, b"FOVb", "a raw photo (X3F)", _RAW),
    (6, b"HEAPCCDR", "a raw photo (CRW)", _RAW),
    (0, b"\x1aE\xdf\xa3", "a video", _VIDEO),
)
# The same for files of boxes (ISO/IEC 14496-12), by the brands that their first box names.
_HEIC_BRANDS = (
    *(b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs", b"mif1", b"msf1"),
)
_UNSUPPORTED_BRANDS = (
    (
        _HEIC_BRANDS,
        HEIC.name,
        "on an iPhone choose Settings, Camera, Formats, Most Compatible, or export it as JPEG",
    ),
    ((b"crx ",), "a raw photo (CR3)", _RAW),
    ((b"jxl ",), "JPEG XL", _EXPORT),
    ((b"isom", b"iso2", b"mp41", b"mp42", b"M4V ", b"qt  ", b"3gp4", b"3gp5"), "a video", _VIDEO),
)
_AVIF_BRANDS = (b"avif", b"avis")
_LONGEST_FIRST_BOX = 256
_SVG_WITHIN = 1024


def sniff(data: bytes, optional: Collection[PhotoFormat] = ()) -> PhotoFormat:
    """The format by its first bytes.

    Raises :class:`UnsupportedMediaType` for anything but :data:`PHOTO_FORMATS` and those that are
    ``optional``, naming what it is where that is known.
    """
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return WEBP
    for signature, photo_format in _SIGNATURES:
        if data.startswith(signature):
            return photo_format
    brands = _brands(data)
    if not brands.isdisjoint(_AVIF_BRANDS):
        return AVIF
    if HEIC in optional and not brands.isdisjoint(_HEIC_BRANDS):
        return HEIC
    raise _unsupported(*_name(data), optional)


def raw_photo(kind: str) -> UnsupportedMediaType:
    """The refusal of a camera's raw file that looks like a TIFF."""
    return _unsupported(f"a raw photo ({kind})", _RAW)


def supported_names(optional: Collection[PhotoFormat] = ()) -> str:
    """The names of all formats, those that are ``optional`` among them, for a sentence."""
    return ", ".join(photo_format.name for photo_format in (*PHOTO_FORMATS, *optional))


def _name(data: bytes) -> tuple[str, str]:
    """What the bytes are and what to send instead; empty where that is not known."""
    for at, mark, name, instead in _UNSUPPORTED:
        if data.startswith(mark, at):
            return name, instead
    brands = _brands(data)
    for known, name, instead in _UNSUPPORTED_BRANDS:
        if not brands.isdisjoint(known):
            return name, instead
    if b"<svg" in data[:_SVG_WITHIN]:
        return "SVG", "draw it as PNG"
    return "", ""


def _brands(data: bytes) -> set[bytes]:
    if data[4:8] != b"ftyp":
        return set()
    end = min(int.from_bytes(data[:4]), _LONGEST_FIRST_BOX)
    return {data[8:12], *(data[at : at + 4] for at in range(16, end, 4))}


def _unsupported(
    name: str, instead: str, optional: Collection[PhotoFormat] = ()
) -> UnsupportedMediaType:
    what = f"This is {name}, which is not read here: {instead}." if name else ""
    return UnsupportedMediaType(
        f"{what or 'The bytes are not a photo in a format that is read here.'} "
        f"Formats that are read: {supported_names(optional)}."
    )
