"""The readers of forms and of base64, fed in pieces of every size."""

from __future__ import annotations

import base64
from typing import Any

import orjson
import pytest

from service.api.base64_body import Base64Body
from service.api.image_form import ImageForm
from service.errors import MalformedRequest

BOUNDARY = b"frontier"


def form(*parts: tuple[str, bytes]) -> bytes:
    body = b"".join(
        b"--frontier\r\nContent-Disposition: form-data; " + header.encode() + b"\r\n"
        b"Content-Type: image/png\r\n\r\n" + data + b"\r\n"
        for header, data in parts
    )
    return body + b"--frontier--\r\n"


def parse(body: bytes, piece: int = 1 << 20) -> bytes:
    sink = ImageForm(BOUNDARY)
    for start in range(0, len(body), piece):
        sink.write(body[start : start + piece])
    return sink.image()


DATA = b"\x89PNG\r\n--frontie\r\n--front\r\n\x00\xff" * 20


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 11, 64, 1 << 20])
def test_pieces_of_any_size_give_the_same_bytes(piece: int) -> None:
    assert parse(form(('name="image"; filename="a.png"', DATA)), piece) == DATA


@pytest.mark.parametrize(
    "header",
    [
        'name="image"',
        'name="file"; filename="a.png"',
        'name="image"; filename="../../etc/passwd"',
        "name=\"image\"; filename*=UTF-8''%e7%85%a7.jpg",
    ],
)
def test_field_names_and_harmless_file_names(header: str) -> None:
    assert parse(form((header, DATA))) == DATA


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (form(('name="photo"; filename="a.png"', DATA)), "field called image"),
        (form(('filename="a.png"', DATA)), "field called image"),
        (form(('name="image"', DATA), ('name="image"', DATA)), "more than one"),
        (form(('name="image"', DATA), ('name="file"', DATA)), "more than one"),
        (form(('name="image"', DATA), ('name="format"', b"json")), "query string"),
        (form(('name="image"; filename=""', b"")), "empty"),
        (form(), "field called image"),
        (form(('name="image"', DATA))[:-20], "closing boundary"),
        (b"no boundary at all", "closing boundary"),
        (b"no boundary at all" * 1000, "does not begin"),
        (b"--frontier\r\n" + b"x: y\r\n" * 100, "broken"),
    ],
)
def test_other_forms_are_malformed(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedRequest, match=reason):
        parse(body)


def test_a_boundary_beyond_all_bounds_is_malformed() -> None:
    with pytest.raises(MalformedRequest):
        ImageForm(b"x" * 10_000)


@pytest.mark.parametrize("piece", [1, 5, 1 << 20])
@pytest.mark.parametrize("before", [b"", b"\r\n", b"A message in MIME format.\r\n--front\r\n"])
@pytest.mark.parametrize("blanks", [b"", b" ", b" \t  "])
def test_a_preamble_and_blanks_after_boundaries(before: bytes, blanks: bytes, piece: int) -> None:
    body = form(('name="image"; filename="a.png"', DATA))
    body = body.replace(b"--frontier\r\n", b"--frontier" + blanks + b"\r\n")
    body = body.replace(b"--frontier--\r\n", b"--frontier--" + blanks + b"\r\n")
    assert parse(before + body, piece) == DATA


def decode(*, with_depth: bool = False, **fields: Any) -> tuple[bytes, bytes | None]:
    body = Base64Body(with_depth=with_depth)
    data = orjson.dumps(fields)
    for start in range(0, len(data), 7):
        body.write(data[start : start + 7])
    return body.files()


LETTERS = base64.b64encode(DATA).decode()


@pytest.mark.parametrize(
    "text",
    [
        LETTERS,
        LETTERS.rstrip("="),
        base64.urlsafe_b64encode(DATA).decode(),
        base64.encodebytes(DATA).decode(),
        LETTERS.replace("A", "A\r\n"),
        f"data:image/png;base64,{LETTERS}",
        f"data:;base64,{LETTERS}",
        f"data:image/png;name=a.png;base64,{LETTERS}",
    ],
)
def test_base64_in_all_its_spellings(text: str) -> None:
    assert decode(image=text) == (DATA, None)


@pytest.mark.parametrize("size", [0, 1, 2, 3, 786_431, 786_432, 786_433, 3_000_000])
def test_files_of_every_length(size: int) -> None:
    data = bytes(range(256)) * (size // 256) + bytes(size % 256)
    letters = base64.b64encode(b"image" + data).decode()
    assert decode(with_depth=True, image=letters, depth=letters) == (b"image" + data,) * 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, "object of image"),
        ({"image": LETTERS, "format": "json"}, "query string"),
        ({"image": LETTERS, "depth": LETTERS}, "nothing else"),
        ({"image": None}, "no text"),
        ({"image": ""}, "empty"),
        ({"image": [1, 2]}, "no text"),
        ({"image": "https://example.org/a.jpg"}, "not fetched"),
        ({"image": "data:image/png,abc"}, "without ;base64"),
        ({"image": "A"}, "not base64"),
        ({"image": "AAA=AAAA"}, "not base64"),
        ({"image": "AA*A"}, "not base64"),
        ({"image": "ABC\u00e9"}, "not base64"),
    ],
)
def test_other_objects_are_malformed(fields: dict[str, Any], reason: str) -> None:
    with pytest.raises(MalformedRequest, match=reason):
        decode(**fields)


@pytest.mark.parametrize("body", [b"", b"[]", b'"image"', b"{", b"[" * 100_000, b"\xff\xfe{}"])
def test_what_is_no_object_is_malformed(body: bytes) -> None:
    sink = Base64Body()
    sink.write(body)
    with pytest.raises(MalformedRequest):
        sink.files()
