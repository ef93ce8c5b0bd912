"""GIF files by their blocks (GIF89a specification), without decoding anything."""

from __future__ import annotations

from service.errors import UndecodableImage
from service.imaging.files.source import Source

_SCREEN_BYTES = 13
_EXTENSION, _PICTURE = 0x21, 0x2C
_GRAPHIC_CONTROL = 0xF9
# Comments and the like are in pieces of up to 255 bytes.
_MAX_PIECES = 100_000


def strip_gif(data: bytes) -> Source:
    """The file's first picture and its transparency, without comments and applications' data.

    Raises :class:`UndecodableImage` for a file without a picture.
    """
    has_palette, size = data[10:11] and data[10] & 0x80, (data[10] & 7) if len(data) > 10 else 0
    at = _SCREEN_BYTES + (3 << (size + 1) if has_palette else 0)
    screen, control = data[:at], b""
    pieces = 0
    while data[at : at + 1] == bytes((_EXTENSION,)):
        start, at = at, at + 2
        while length := int.from_bytes(data[at : at + 1]):
            at += 1 + length
            pieces += 1
            if pieces > _MAX_PIECES:
                raise UndecodableImage("The GIF has more comments than any program writes.")
        at += 1
        if data[start + 1 : start + 2] == bytes((_GRAPHIC_CONTROL,)):
            control = data[start:at]
    if data[at : at + 1] != bytes((_PICTURE,)):
        raise UndecodableImage("The GIF image cannot be decoded: it is truncated or damaged.")
    return Source(screen + control + data[at:])
