"""A request's body as it was before its client compressed it."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from service.errors import MalformedRequest

# HTTP's deflate is zlib's format (RFC 9110, 8.4.1.2); 16 more stands for gzip's.
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_PIECE_BYTES = 1 << 22

CODINGS = frozenset(_WINDOW_BITS)
"""What a Content-Encoding may say."""


def inflated(body: bytes, coding: str) -> Iterator[bytes]:
    """What ``body`` was before, in pieces of up to 4 MiB: a bomb is many, of which each costs.

    Raises :class:`MalformedRequest` for a body that is not compressed as its ``coding``, one of
    ``CODINGS``, says, ends too early, or goes on after its end: gzip allows several files in one,
    but no client sends them.
    """
    decompressor = zlib.decompressobj(_WINDOW_BITS[coding])
    piece = None
    try:
        # Without a byte more before the end, there is nothing left to read.
        while not decompressor.eof and piece != b"":
            piece = decompressor.decompress(body, _PIECE_BYTES)
            body = decompressor.unconsumed_tail
            yield piece
    except zlib.error:
        raise MalformedRequest(f"The body is not {coding}, as its Content-Encoding says.") from None
    if not decompressor.eof or decompressor.unused_data:
        raise MalformedRequest(f"The body is not one whole {coding} stream.")
