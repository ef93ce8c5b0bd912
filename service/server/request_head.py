"""One bound for a request's line and one for its headers, however their bytes arrive."""

from __future__ import annotations

import re

import h11

from service.errors import DepthError, HeadersTooLarge, RequestLineTooLong

# nginx's own: what passes it, passes here.
LONGEST_LINE_BYTES = 8 * 1024
LONGEST_HEADERS_BYTES = 32 * 1024

_END = re.compile(rb"\n\r?\n")
_ABSOLUTE = re.compile(rb"https?://([^/?#]*)(.*)", re.IGNORECASE)


class BoundedHead(h11.Connection):
    """h11's parser, which refuses a head by its size alone.

    h11 itself bounds what it cannot parse yet: the same head passes in one piece and not in two.
    ``refusal`` is what the client should be told after :class:`h11.RemoteProtocolError`, if it was
    the size.
    """

    refusal: DepthError | None = None

    def __init__(self) -> None:
        super().__init__(h11.SERVER, LONGEST_LINE_BYTES + LONGEST_HEADERS_BYTES)

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """See :meth:`h11.Connection.next_event`."""
        if self.their_state is h11.IDLE:
            self.refusal = _refusal(self.trailing_data[0])
            if self.refusal is not None:
                raise h11.RemoteProtocolError(self.refusal.detail)
        event = super().next_event()
        return _in_origin_form(event) if isinstance(event, h11.Request) else event


def _in_origin_form(request: h11.Request) -> h11.Request:
    """A request to ``http://host/path``, as to a proxy, is one to ``/path`` of ``host``.

    A server must take it, and believe the address rather than ``Host`` (RFC 9112, 3.2.2).
    """
    absolute = _ABSOLUTE.match(request.target)
    if absolute is None:
        return request
    host, rest = absolute.groups()
    headers = [(name, host if name == b"host" else value) for name, value in request.headers]
    return h11.Request(
        method=request.method,
        target=rest if rest.startswith(b"/") else b"/" + rest,
        headers=headers,
        http_version=request.http_version,
    )


def _refusal(received: bytes) -> DepthError | None:
    """What is wrong with a head, or with its beginning: a part is never larger than the whole."""
    line = received.find(b"\n")
    if (len(received) if line < 0 else line) > LONGEST_LINE_BYTES:
        return RequestLineTooLong(
            f"Method and address may take {LONGEST_LINE_BYTES} bytes together."
        )
    end = _END.search(received)
    if line >= 0 and (end.end() if end else len(received)) - line > LONGEST_HEADERS_BYTES:
        return HeadersTooLarge(f"All headers may take {LONGEST_HEADERS_BYTES} bytes together.")
    return None
