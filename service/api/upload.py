"""The image in a request's body: raw bytes or one multipart field, bounded while it streams."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect

from service.api.schemas import BINARY
from service.errors import (
    ClientDisconnected,
    MalformedRequest,
    PayloadTooLarge,
    UnsupportedMediaType,
)
from service.pipeline.admission import Ticket

_IMAGE = "image"
IMAGE_FIELDS = (_IMAGE, "file")
DEPTH_FIELD = "depth"
_MULTIPART = "multipart/form-data"
_LONGEST_LENGTH = 18

IMAGE_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "A JPEG, PNG, WebP, BMP or TIFF photo: as the multipart field `image` "
        "(or `file`), or as the body itself.",
        "content": {
            _MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["image"],
                    "additionalProperties": False,
                    "properties": {
                        "image": {
                            "type": "string",
                            "format": "binary",
                            "description": "The photo.",
                        }
                    },
                }
            },
            "image/*": BINARY,
            "application/octet-stream": BINARY,
        },
    }
}


_DEPTH_PART = {
    "type": "string",
    "format": "binary",
    "description": "The photo's depth map, computed earlier: a 16-bit grey PNG, or NPY of "
    "float32, float16 or uint16. With it no network runs.",
}
IMAGE_AND_DEPTH_BODY: dict[str, Any] = copy.deepcopy(IMAGE_BODY)
_FORM = IMAGE_AND_DEPTH_BODY["requestBody"]["content"][_MULTIPART]["schema"]
_FORM["properties"][DEPTH_FIELD] = _DEPTH_PART


@dataclass(frozen=True)
class Upload:
    """The files of a body."""

    image: bytes
    depth: bytes | None = None


async def read_image(request: Request, ticket: Ticket, max_bytes: int) -> bytes:
    """The image bytes of the request's body.

    Raises :class:`PayloadTooLarge` as soon as more than ``max_bytes`` are declared or have
    arrived, :class:`MalformedRequest` for an empty body or a form that is not one image, and
    :class:`UnsupportedMediaType` for a body declared to be something else.
    """
    return (await _read(request, ticket, max_bytes, IMAGE_FIELDS)).image


async def read_image_and_depth(request: Request, ticket: Ticket, max_bytes: int) -> Upload:
    """The image, and the depth map if the form has one; raises as :func:`read_image`."""
    return await _read(request, ticket, max_bytes, (*IMAGE_FIELDS, DEPTH_FIELD))


async def _read(
    request: Request, ticket: Ticket, max_bytes: int, fields: tuple[str, ...]
) -> Upload:
    media_type, parameters = parse_options_header(request.headers.get("content-type"))
    sink = _sink_for(media_type.decode("latin-1"), parameters, fields)
    if not await _receive(request, ticket, max_bytes, sink):
        raise MalformedRequest("The body is empty; send an image.")
    return Upload(sink.image(), sink.depth())


async def read_body(request: Request, ticket: Ticket, max_bytes: int) -> bytes:
    """The request's body as it came; raises :class:`PayloadTooLarge` as :func:`read_image` does."""
    body = RawBody()
    await _receive(request, ticket, max_bytes, body)
    return body.image()


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


class ImageForm:
    """A multipart form of the image and, where ``fields`` has it, a depth map, kept in memory.

    Starlette's form parser is not used since it spools files of over 1 MB to disk, which a
    read-only container does not have, and since it reads a form of any content to its end.
    """

    def __init__(self, boundary: bytes, fields: tuple[str, ...] = IMAGE_FIELDS) -> None:
        self._fields = fields
        self._files: dict[str, bytearray] = {}
        self._data = bytearray()
        self._header_name = bytearray()
        self._header_value = bytearray()
        self._disposition = b""
        self._depth_has_a_name = False
        self._complete = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._on_part_begin,
                    "on_header_field": self._on_header_field,
                    "on_header_value": self._on_header_value,
                    "on_header_end": self._on_header_end,
                    "on_headers_finished": self._on_headers_finished,
                    "on_part_data": self._on_part_data,
                    "on_end": self._on_end,
                },
            )
        except (FormParserError, ValueError) as error:
            raise MalformedRequest("The multipart boundary is not valid.") from error

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body; raises :class:`MalformedRequest` at once."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedRequest("The multipart body is broken.") from error

    def image(self) -> bytes:
        """The image once the body is complete."""
        if not self._complete:
            raise MalformedRequest("The multipart body ends before its closing boundary.")
        data = self._files.get(_IMAGE)
        if data is None:
            raise MalformedRequest(self._hint())
        if not data:
            raise MalformedRequest("The image field is empty; was a file chosen?")
        return bytes(data)

    def depth(self) -> bytes | None:
        """The depth map, if the form has one; a field where no file was chosen is none."""
        data = bytes(self._files.get(DEPTH_FIELD, b""))
        if not data and self._depth_has_a_name:
            raise MalformedRequest("The file in the field depth is empty.")
        return data or None

    def _on_part_begin(self) -> None:
        self._disposition = b""

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._header_value += data[start:end]

    def _on_header_end(self) -> None:
        if self._header_name.lower() == b"content-disposition":
            self._disposition = bytes(self._header_value)
        self._header_name.clear()
        self._header_value.clear()

    def _on_headers_finished(self) -> None:
        _, options = parse_options_header(self._disposition)
        field = options.get(b"name", b"").decode("utf-8", "replace")
        if field not in self._fields:
            raise MalformedRequest(self._hint())
        kind = DEPTH_FIELD if field == DEPTH_FIELD else _IMAGE
        if kind in self._files:
            noun = "depth map" if kind == DEPTH_FIELD else "image"
            raise MalformedRequest(f"The form holds more than one {noun}; send one a request.")
        self._data = self._files[kind] = bytearray()
        if kind == DEPTH_FIELD:
            # Browsers send the field of a file that was not chosen, without a name.
            self._depth_has_a_name = bool(options.get(b"filename"))

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        self._data += data[start:end]

    def _on_end(self) -> None:
        self._complete = True

    def _hint(self) -> str:
        more = ", at most a depth map called depth," if DEPTH_FIELD in self._fields else ","
        return (
            f"The form must hold one file in a field called image (or file){more} and nothing "
            "else. Options belong in the query string: ?format=json"
        )


def _sink_for(
    media_type: str, parameters: dict[bytes, bytes], fields: tuple[str, ...]
) -> RawBody | ImageForm:
    if media_type == _MULTIPART:
        boundary = parameters.get(b"boundary")
        if not boundary:
            raise MalformedRequest("The multipart Content-Type names no boundary.")
        return ImageForm(boundary, fields)
    if media_type.startswith("image/") or media_type in ("", "application/octet-stream"):
        return RawBody()
    raise UnsupportedMediaType(
        "Send the image as multipart/form-data in the field image, or as the body itself with "
        "Content-Type image/* or application/octet-stream."
    )


def _check_declared_length(request: Request, max_bytes: int) -> None:
    declared = request.headers.get("content-length", "")
    # A number too long for any file is not worth parsing; what is no number uvicorn has refused.
    if len(declared) > _LONGEST_LENGTH or (declared.isdigit() and int(declared) > max_bytes):
        raise _too_large(max_bytes)


def _too_large(max_bytes: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The body is larger than the limit of {max_bytes / 1e6:g} MB.")


async def _receive(
    request: Request, ticket: Ticket, max_bytes: int, sink: RawBody | ImageForm
) -> int:
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
