"""The multipart reader, fed in pieces of every size."""

from __future__ import annotations

import pytest

from service.api.upload import ImageForm
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
        (b"no boundary at all", "broken"),
        (b"--frontier\r\n" + b"x: y\r\n" * 100, "broken"),
    ],
)
def test_other_forms_are_malformed(body: bytes, reason: str) -> None:
    with pytest.raises(MalformedRequest, match=reason):
        parse(body)


def test_a_boundary_beyond_all_bounds_is_malformed() -> None:
    with pytest.raises(MalformedRequest):
        ImageForm(b"x" * 10_000)
