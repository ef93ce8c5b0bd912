"""A request's body as it was before its client compressed it."""

from __future__ import annotations

import zlib

from service.errors import MalformedRequest, PayloadTooLarge

# HTTP's deflate is zlib's format (RFC 9110, 8.4.1.2); 16 more stands for gzip's.
_WINDOW_BITS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}

CODINGS = frozenset(_WINDOW_BITS)
"""What a Content-Encoding may say."""


def inflated(body: bytes, coding: str, max_bytes: int) -> bytes:
    """What ``body`` was before; never more than a byte above ``max_bytes`` is in memory.

    Raises :class:`PayloadTooLarge` past that bound, and :class:`MalformedRequest` for a body that
    is not compressed as one of ``CODINGS`` says, ends too early, or goes on after its end: gzip
    allows several files in one, but no client sends them.
    """
    decompressor = zlib.decompressobj(_WINDOW_BITS[coding])
    try:
        data = decompressor.decompress(body, max_bytes + 1)
    except zlib.error:
        raise MalformedRequest(f"The body is not {coding}, as its Content-Encoding says.") from None
    if len(data) > max_bytes:
        raise PayloadTooLarge(
            f"The body is larger than the limit of {max_bytes / 1e6:g} MB once it is decompressed."
        )
    if not decompressor.eof or decompressor.unused_data:
        raise MalformedRequest(f"The body is not one whole {coding} stream.")
    return data
