"""What a BMP's header must not say, before anything is decoded."""

from __future__ import annotations

import struct

from service.errors import UndecodableImage

_HEADER_AT = 14
_RUNS = (1, 2)
_MASKS = 3
_OTHER_COMPRESSIONS = {4: "a JPEG", 5: "a PNG"}
# Pillow decodes runs in Python, one by one: 1 KB of them could keep a thread busy for seconds.
_MAX_RUNS = 1 << 22


def check_bmp(data: bytes) -> None:
    """Raise :class:`UndecodableImage` for what takes too long or is not supported."""
    header = data[_HEADER_AT : _HEADER_AT + 52]
    # Older headers have 12 bytes and neither compression nor masks.
    if len(header) < 40 or int.from_bytes(header[:4], "little") < 40:
        return
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", header, 4)
    if compression in _RUNS and max(abs(width * height), len(data)) > _MAX_RUNS:
        raise UndecodableImage("The BMP is run-length encoded, and too large for that.")
    if compression in _OTHER_COMPRESSIONS:
        kind = _OTHER_COMPRESSIONS[compression]
        raise UndecodableImage(
            f"The BMP is a wrapper of {kind}, which is not supported; send that."
        )
    if compression == _MASKS and len(header) == 52:
        widths = {mask.bit_count() for mask in struct.unpack_from("<III", header, 40)}
        if max(widths) > 8:
            raise UndecodableImage(
                f"This is a BMP of {max(widths)} bits a channel ({bits} a pixel), which is not "
                "supported; save it with 24 bits a pixel."
            )
