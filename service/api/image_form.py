"""A multipart form of one image, read as it arrives (RFC 7578)."""

from __future__ import annotations

import re

from python_multipart import MultipartParser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import parse_options_header

from service.errors import MalformedRequest

IMAGE_FIELD = "image"
DEPTH_FIELD = "depth"

_IMAGE_FIELDS = (IMAGE_FIELD, "file")
# "This is a message in MIME format" and the like.
_LONGEST_PREAMBLE = 8192


class ImageForm:
    """A multipart form of the image and, where ``with_depth``, a depth map, in memory.

    Starlette's form parser is not used since it spools files of over 1 MB to disk, which a
    read-only container does not have, and since it reads a form of any content to its end.
    """

    def __init__(self, boundary: bytes, *, with_depth: bool = False) -> None:
        self._fields = (*_IMAGE_FIELDS, DEPTH_FIELD) if with_depth else _IMAGE_FIELDS
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
        self._preamble: bytearray | None = bytearray()
        self._first_line = re.compile(rb"(?:\A|\r\n)(--%s(?:--)?)[ \t]*\r\n" % re.escape(boundary))

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body; raises :class:`MalformedRequest` at once."""
        if self._preamble is not None:
            chunk = self._after_preamble(chunk)
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedRequest("The multipart body is broken.") from error

    def _after_preamble(self, chunk: bytes) -> bytes:
        """What follows the text for readers of mail before the first part; empty until there.

        python-multipart knows neither it nor blanks after the first boundary (RFC 2046, 5.1.1).
        """
        assert self._preamble is not None  # noqa: S101 (who calls this knows)
        self._preamble += chunk
        found = self._first_line.search(self._preamble)
        if found is None:
            if len(self._preamble) > _LONGEST_PREAMBLE:
                raise MalformedRequest("The multipart body is broken: it does not begin.")
            return b""
        if found.start() > _LONGEST_PREAMBLE:
            raise MalformedRequest("The multipart body is broken: it does not begin.")
        rest = found[1] + b"\r\n" + bytes(self._preamble[found.end() :])
        self._preamble = None
        return rest

    def image(self) -> bytes:
        """The image once the body is complete."""
        if not self._complete:
            raise MalformedRequest("The multipart body ends before its closing boundary.")
        data = self._files.get(IMAGE_FIELD)
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
        kind = IMAGE_FIELD if field in _IMAGE_FIELDS else DEPTH_FIELD
        if kind in self._files:
            noun = "depth map" if kind == DEPTH_FIELD else "image"
            raise MalformedRequest(f"The form holds more than one {noun}; send one a request.")
        self._data = self._files[kind] = bytearray()
        if kind == DEPTH_FIELD:
            # Browsers send the field of a file that was not chosen, without a name.
            # The parser leaves out a name in RFC 8187's form.
            extended = b"filename*" in self._disposition.lower()
            self._depth_has_a_name = bool(options.get(b"filename")) or extended

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
