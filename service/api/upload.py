"""The image in a request's body: raw bytes, a multipart field or base64, bounded as it streams."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Protocol

from fastapi import Request
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from service.api.base64_body import Base64Body
from service.api.compressed_body import CODINGS, inflated
from service.api.image_form import ImageForm
from service.errors import (
    ClientDisconnected,
    IncompleteContentType,
    MalformedRequest,
    PayloadTooLarge,
    UnsupportedContentType,
    UnsupportedEncoding,
    UnsupportedTensorEncoding,
)
from service.pipeline.admission import Ticket
from service.pipeline.runtime import Runtime

MULTIPART = "multipart/form-data"
BASE64 = "application/json"

_MEDIA_TYPE = re.compile(r"[a-z]{1,20}/[a-z0-9.+-]{1,60}")
_LONGEST_LENGTH = 18
_LONGEST_ENCODING = 20
# RFC 9110, 8.4.1.3 of x-gzip.
_SAME_CODING = {"identity": "", "x-gzip": "gzip"}
# Four letters for three bytes, line breaks after 76 of them, and the object around.
_BASE64_GROWTH = 1.4
_JSON_BYTES = 4096


@dataclass(frozen=True)
class Upload:
    """The files of a body."""

    image: bytes
    depth: bytes | None = None


class Sink(Protocol):
    """Takes a body piece by piece."""

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body; raises :class:`MalformedRequest` at once."""


class RawBody:
    """A body that is the image itself."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self._data += chunk

    def image(self) -> bytes:
        """The image once the body is complete."""
        return bytes(self._data)

    def depth(self) -> None:
        """A body that is the image holds no depth map."""


async def read_image(request: Request, ticket: Ticket) -> bytes:
    """The image bytes of the request's body.

    Raises :class:`PayloadTooLarge` as soon as more than the settings allow are declared or have
    arrived (base64 is counted once it is decoded), :class:`MalformedRequest` for an empty body or
    one that is not one image, :class:`UnsupportedContentType` for a body declared to be something
    else, and :class:`UnsupportedEncoding` for one that is compressed.
    """
    return (await _read(request, ticket, with_depth=False)).image


async def read_image_and_depth(request: Request, ticket: Ticket) -> Upload:
    """The image, and the depth map if there is one; raises as :func:`read_image`."""
    return await _read(request, ticket, with_depth=True)


async def read_body(request: Request, ticket: Ticket) -> bytes:
    """The request's body, decompressed if it was compressed.

    Raises :class:`PayloadTooLarge` as :func:`read_image` does, whether the limit is passed before
    or after decompressing, :class:`MalformedRequest` for a body that is not compressed as
    it says, and :class:`UnsupportedTensorEncoding` for one that says it in another way.
    """
    coding = _coding(request)
    if coding and coding not in CODINGS:
        raise UnsupportedTensorEncoding(
            f"The body is compressed ({_shown(coding)}); send it as it is, or as "
            f"{' or '.join(sorted(CODINGS))}."
        )
    runtime: Runtime = request.app.state.runtime
    max_bytes = runtime.settings.max_body_bytes
    body = RawBody()
    await _receive(request, ticket, max_bytes, body)
    if not coding:
        return body.image()
    pieces = inflated(body.image(), coding)
    whole = bytearray()
    # A piece takes milliseconds, too many for the event loop.
    while (piece := await runtime.workshop.run(ticket, next, pieces, None)) is not None:
        if len(whole) + len(piece) > max_bytes:
            raise _too_large(max_bytes, " once it is decompressed")
        ticket.add_bytes(len(piece))
        whole += piece
    return bytes(whole)


async def _read(request: Request, ticket: Ticket, *, with_depth: bool) -> Upload:
    runtime: Runtime = request.app.state.runtime
    max_bytes = runtime.settings.max_body_bytes
    coding = _coding(request)
    if coding:
        raise UnsupportedEncoding(
            f"The body is compressed ({_shown(coding)}); send it as it is, without "
            "Content-Encoding. Photos are compressed already."
        )
    name, parameters = parse_options_header(request.headers.get("content-type"))
    media_type = name.decode("latin-1")
    if media_type == BASE64:
        body = Base64Body(with_depth=with_depth)
        await _receive(request, ticket, most_base64_bytes(max_bytes), body)
        # Tens of milliseconds for a large photo, too many for the event loop.
        image, depth = await runtime.workshop.run(ticket, body.files)
        if len(image) + len(depth or b"") > max_bytes:
            raise _too_large(max_bytes)
        return Upload(image, depth)
    sink = _sink_for(media_type, parameters, with_depth=with_depth)
    if not await _receive(request, ticket, max_bytes, sink):
        raise MalformedRequest("The body is empty; send an image.")
    return Upload(sink.image(), sink.depth())


def most_base64_bytes(max_bytes: int) -> int:
    """Most bytes of a body of JSON whose files in base64 are ``max_bytes``."""
    return int(_BASE64_GROWTH * max_bytes) + _JSON_BYTES


def _sink_for(
    media_type: str, parameters: dict[bytes, bytes], *, with_depth: bool
) -> RawBody | ImageForm:
    if media_type == MULTIPART:
        boundary = parameters.get(b"boundary")
        if not boundary:
            raise IncompleteContentType(
                "The multipart Content-Type names no boundary. Leave it to your HTTP client: "
                "it writes one with the boundary."
            )
        return ImageForm(boundary, with_depth=with_depth)
    if media_type.startswith("image/") or media_type in ("", "application/octet-stream"):
        return RawBody()
    raise UnsupportedContentType(
        f"The Content-Type is {_known_type(media_type)}. Send the image as multipart/form-data in "
        "the field image, as the body itself with Content-Type image/* or "
        f'application/octet-stream, or in base64 as {BASE64}: {{"image": "..."}}.'
    )


def _known_type(media_type: str) -> str:
    """A media type to tell its sender, who may have written anything."""
    return media_type if _MEDIA_TYPE.fullmatch(media_type) else "no media type"


def _coding(request: Request) -> str:
    """How the body is compressed, as the client says; empty if it is not."""
    coding = request.headers.get("content-encoding", "").strip().lower()
    return _SAME_CODING.get(coding, coding)


def _shown(coding: str) -> str:
    known = coding.isascii() and coding.isalnum()
    return coding[:_LONGEST_ENCODING] if known else "another encoding"


def _check_declared_length(request: Request, max_bytes: int) -> None:
    declared = request.headers.get("content-length", "")
    # A number too long for any file is not worth parsing; what is no number uvicorn has refused.
    if len(declared) > _LONGEST_LENGTH or (declared.isdigit() and int(declared) > max_bytes):
        raise _too_large(max_bytes)


def _too_large(max_bytes: int, when: str = "") -> PayloadTooLarge:
    return PayloadTooLarge(
        f"The body is larger than the limit of {max_bytes / 1e6:g} MB{when}. Shrink the photo, or "
        "save it as a JPEG."
    )


async def _receive(request: Request, ticket: Ticket, max_bytes: int, sink: Sink) -> int:
    """Pass the body on piece by piece; returns its length."""
    _check_declared_length(request, max_bytes)
    received = 0
    try:
        async for chunk in request.stream():
            received += len(chunk)
            if received > max_bytes:
                raise _too_large(max_bytes)
            ticket.add_bytes(len(chunk))
            sink.write(chunk)
    except ClientDisconnect:
        raise ClientDisconnected("The client left while sending.") from None
    return received
