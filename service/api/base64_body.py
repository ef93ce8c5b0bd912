"""A JSON object of files in base64, as many clients send them."""

from __future__ import annotations

import binascii

import orjson

from service.api.image_form import DEPTH_FIELD, IMAGE_FIELD
from service.errors import MalformedRequest

# Letters decoded at once, so that other threads get their turn; whole groups of four.
_PIECE = 1 << 20
_DATA_URL = "data:"
_MARK = ";base64,"
_LONGEST_MEDIA_TYPE = 200
_URL_SAFE = str.maketrans("-_", "+/")


class Base64Body:
    """``{"image": "<base64 or data URL>"}`` and, where ``with_depth``, ``depth``."""

    def __init__(self, *, with_depth: bool = False) -> None:
        self._fields = {IMAGE_FIELD, DEPTH_FIELD} if with_depth else {IMAGE_FIELD}
        self._data = bytearray()

    def write(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        self._data += chunk

    def files(self) -> tuple[bytes, bytes | None]:
        """The image and the depth map once the body is complete.

        Raises :class:`MalformedRequest` for what is no such object.
        """
        try:
            fields = orjson.loads(self._data)
        except orjson.JSONDecodeError:
            raise MalformedRequest("The body is not JSON.") from None
        self._data.clear()
        if not isinstance(fields, dict) or not {IMAGE_FIELD} <= fields.keys() <= self._fields:
            raise MalformedRequest(self._hint())
        depth = fields.get(DEPTH_FIELD)
        image = _decoded(IMAGE_FIELD, fields[IMAGE_FIELD])
        return image, None if depth is None else _decoded(DEPTH_FIELD, depth)

    def _hint(self) -> str:
        more = " and at most depth" if DEPTH_FIELD in self._fields else ""
        return (
            f"The JSON body must be an object of image{more}, in base64 or as a data URL, and of "
            "nothing else. Options belong in the query string: ?format=json"
        )


def _decoded(name: str, text: object) -> bytes:
    """The bytes of one field; its alphabet may be that of URLs, its padding may be missing."""
    if not isinstance(text, str) or not text:
        raise MalformedRequest(f"{name} must be a text in base64; it is empty or no text.")
    if text.startswith(("http://", "https://")):
        raise MalformedRequest(f"{name} must hold the file in base64; addresses are not fetched.")
    if text.startswith(_DATA_URL):
        start = text.find(_MARK, 0, _LONGEST_MEDIA_TYPE)
        if start < 0:
            raise MalformedRequest(f"{name} is a data URL without {_MARK[:-1]}.")
        text = text[start + len(_MARK) :]
    letters = "".join(text.split()).translate(_URL_SAFE)
    letters += "=" * (-len(letters) % 4)
    try:
        pieces = (letters[at : at + _PIECE] for at in range(0, len(letters), _PIECE))
        return b"".join(binascii.a2b_base64(piece, strict_mode=True) for piece in pieces)
    except ValueError:  # binascii.Error is one, too.
        raise MalformedRequest(f"{name} is not base64.") from None
