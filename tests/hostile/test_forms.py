"""Multipart forms that are too many, too deep, misnamed or broken."""

from __future__ import annotations

import pytest

from tests.hostile.conftest import Tried
from tests.hostile.harm import KNOWN_SLUGS, PHOTO, unharmed
from tests.support.server import ServerProcess

_TYPE = "multipart/form-data; boundary=frontier"


def part(headers: bytes, data: bytes) -> bytes:
    return b"--frontier\r\n" + headers + b"\r\n\r\n" + data + b"\r\n"


def named(name: bytes, data: bytes = PHOTO) -> bytes:
    return part(b'Content-Disposition: form-data; name="image"; filename="' + name + b'"', data)


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--frontier--\r\n"


_IMAGE = named(b"a.png")
_OTHER = part(b'Content-Disposition: form-data; name="other"', b"x")
_INNER = form(_IMAGE).replace(b"frontier", b"inner")

CASES: dict[str, tuple[int, bytes, str]] = {
    "path out of the folder": (200, form(named(b"../../../../etc/passwd")), _TYPE),
    "absolute path": (200, form(named(b"/etc/passwd")), _TYPE),
    "path of another system": (200, form(named(b"..\\..\\boot.ini")), _TYPE),
    "command": (200, form(named(b"$(reboot);`reboot`|reboot")), _TYPE),
    "NUL in the name": (200, form(named(b"a.php\0.png")), _TYPE),
    "name that is no UTF-8": (200, form(named(b"\xff\xfe\x80.png")), _TYPE),
    "name in another charset": (
        200,
        form(part(b"Content-Disposition: form-data; name=image; filename*=utf-8''%ff%00", PHOTO)),
        _TYPE,
    ),
    "name of 1 KB": (200, form(named(b"a" * 1000)), _TYPE),
    "name of 100 KB": (400, form(named(b"a" * 100_000)), _TYPE),
    "media type that lies": (
        200,
        form(
            part(b'Content-Disposition: form-data; name="image"\r\nContent-Type: text/html', PHOTO)
        ),
        _TYPE,
    ),
    "10,000 images": (400, form(*[_IMAGE[:300]] * 10_000), _TYPE),
    "10,000 other parts": (400, form(*[_OTHER] * 10_000), _TYPE),
    "the image twice": (400, form(_IMAGE, _IMAGE), _TYPE),
    "image and file": (400, form(_IMAGE, _IMAGE.replace(b'"image"', b'"file"')), _TYPE),
    "10,000 headers in a part": (400, form(part(b"X-A: b\r\n" * 10_000, PHOTO)), _TYPE),
    "part without headers": (400, form(part(b"", PHOTO)), _TYPE),
    "two dispositions": (
        400,
        form(
            part(
                b"Content-Disposition: form-data; name=image\r\n"
                b"Content-Disposition: form-data; name=other",
                PHOTO,
            )
        ),
        _TYPE,
    ),
    "NUL in the field": (400, form(_IMAGE.replace(b'"image"', b'"image\0"')), _TYPE),
    "form in the form": (
        415,
        form(
            part(
                b"Content-Disposition: form-data; name=image\r\n"
                b"Content-Type: multipart/mixed; boundary=inner",
                _INNER,
            )
        ),
        _TYPE,
    ),
    "another boundary": (400, form(_IMAGE), _TYPE.replace("frontier", "border")),
    "no boundary": (400, form(_IMAGE), "multipart/form-data"),
    "empty boundary": (400, form(_IMAGE), 'multipart/form-data; boundary=""'),
    "boundary of 1,000 letters": (400, form(_IMAGE), "multipart/form-data; boundary=" + "a" * 1000),
    "boundary that is no ASCII": (400, form(_IMAGE), "multipart/form-data; boundary=\u00ff"),
    "boundary in the photo": (
        400,
        form(named(b"a.png", PHOTO[:500] + b"\r\n--frontier\r\n" + PHOTO[500:])),
        _TYPE,
    ),
    "no end": (400, form(_IMAGE)[:-16], _TYPE),
    "only an end": (400, form(), _TYPE),
    "only line breaks": (400, b"\r\n" * 100_000, _TYPE),
    "only dashes": (400, b"-" * 100_000, _TYPE),
    "a preamble of 1 MB": (400, b"x" * 1_000_000 + form(_IMAGE), _TYPE),
    "an epilogue of 1 MB": (200, form(_IMAGE) + b"x" * 1_000_000, _TYPE),
    "lines ended with LF": (400, form(_IMAGE).replace(b"\r\n", b"\n"), _TYPE),
    "transfer in base64": (
        415,
        form(
            part(
                b"Content-Disposition: form-data; name=image\r\nContent-Transfer-Encoding: base64",
                b"iVBORw0KGgo=",
            )
        ),
        _TYPE,
    ),
    "another multipart": (415, form(_IMAGE), "multipart/mixed; boundary=frontier"),
}


@pytest.mark.parametrize("path", ["/v1/depth", "/predict"])
@pytest.mark.parametrize("name", CASES)
def test_a_hostile_form_gets_its_photo_answered_or_a_typed_refusal(
    target: ServerProcess, tried: Tried, name: str, path: str
) -> None:
    status, body, media_type = CASES[name]
    answer = target.client.post(
        path, content=body, headers={b"Content-Type": media_type.encode("latin-1")}
    )
    tried("forms", 1)
    assert answer.status_code == status, answer.text
    if status >= 400:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["type"] in KNOWN_SLUGS[status]


def test_all_of_these_forms_leave_nothing_behind(target: ServerProcess) -> None:
    with unharmed(target):
        for _, body, media_type in CASES.values():
            headers = {b"Content-Type": media_type.encode("latin-1")}
            target.client.post("/predict", content=body, headers=headers)
