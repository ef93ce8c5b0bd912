"""Rubbish in over the Open Inference Protocol: a 4xx out, never a 5xx."""

from __future__ import annotations

import base64
import gzip
import json
import struct
from typing import Any

import pytest

from tests.support.oip import COFFEE, INFER, message
from tests.support.photos import png_header_bomb
from tests.support.server import ServerProcess


def binary_call(header: dict[str, Any], data: bytes, length: str | None = None) -> dict[str, Any]:
    head = json.dumps(header).encode()
    return {
        "content": head + data,
        "headers": {"Inference-Header-Content-Length": length or str(len(head))},
    }


def binary_image(data: bytes, size: int | None = None, shape: int = 1) -> dict[str, Any]:
    parameters = {"binary_data_size": len(data) if size is None else size}
    tensor = {"name": "image", "shape": [shape], "datatype": "BYTES", "parameters": parameters}
    return {"inputs": [tensor]}


def fp32(shape: list[int], data: list[Any]) -> dict[str, Any]:
    return {"json": message(name="input", datatype="FP32", shape=shape, data=data)}


FLAT = [0.0] * (3 * 256 * 256)
PREFIXED = struct.pack("<I", len(COFFEE)) + COFFEE
DUMPED = json.dumps(message()).encode()
BAD: dict[str, tuple[int, dict[str, Any]]] = {
    "nothing": (400, {"content": b""}),
    "no JSON": (400, {"content": b"\xff\xd8\xff"}),
    "deep JSON": (400, {"content": b"[" * 5000}),
    "many lists": (413, {"content": b"[" + b"[]," * 200_000 + b"[]]"}),
    "many numbers": (413, {"content": b"[" + b"0," * 2_100_000 + b"0]"}),
    "a list": (400, {"json": [1]}),
    "no inputs": (400, {"json": {"inputs": []}}),
    "two inputs": (400, {"json": {"inputs": message()["inputs"] * 2}}),
    "unknown input": (400, {"json": message(name="photo")}),
    "unknown output": (400, {"json": message() | {"outputs": [{"name": "normals"}]}}),
    "no output": (400, {"json": message() | {"outputs": []}}),
    "classification": (
        400,
        {"json": message() | {"outputs": [{"name": "depth", "parameters": {"classification": 3}}]}},
    ),
    "shared memory": (
        400,
        {"json": message(data=None, parameters={"shared_memory_region": "a"})},
    ),
    "wrong datatype": (400, {"json": message(datatype="UINT8")}),
    "huge shape": (413, {"json": message(shape=[10**18])}),
    "negative shape": (400, {"json": message(shape=[-1])}),
    "empty shape": (400, {"json": message(shape=[])}),
    "shape of no integers": (400, {"json": message(shape=["a"])}),
    "no data": (400, {"json": message(data=None)}),
    "no base64": (400, {"json": message(data=["/9j/!"])}),
    "base64 of other letters": (400, {"json": message(data=["/9j/ä"])}),
    "numbers for bytes": (400, {"json": message(data=[1])}),
    "fewer elements than the shape": (400, {"json": message(shape=[2])}),
    "no photo": (415, {"json": message(data=["aGVsbG8="])}),
    "an empty photo": (415, {"json": message(data=[""])}),
    "a bomb": (413, {"json": message(data=[base64.b64encode(png_header_bomb()).decode()])}),
    "broken photo": (422, {"json": message(data=[base64.b64encode(COFFEE[:9000]).decode()])}),
    "bad size": (400, {"json": message() | {"parameters": {"size": "huge"}}}),
    "length is no number": (400, binary_call(binary_image(PREFIXED), PREFIXED, "x")),
    "length is negative": (400, binary_call(binary_image(PREFIXED), PREFIXED, "-1")),
    "length beyond the body": (400, binary_call(binary_image(PREFIXED), PREFIXED, "99999999")),
    "length of a hundred digits": (400, binary_call(binary_image(PREFIXED), PREFIXED, "9" * 100)),
    "less binary than said": (400, binary_call(binary_image(PREFIXED), PREFIXED[:-1])),
    "more binary than said": (400, binary_call(binary_image(PREFIXED), PREFIXED + b"a")),
    "element cut off": (400, binary_call(binary_image(PREFIXED[:99]), PREFIXED[:99])),
    "length cut off": (400, binary_call(binary_image(b"\1\0"), b"\1\0")),
    "element too many": (400, binary_call(binary_image(PREFIXED * 2), PREFIXED * 2)),
    "negative binary size": (400, binary_call(binary_image(b"", size=-4), b"")),
    "FP32 of three bytes": (
        400,
        binary_call(
            message(
                name="input",
                datatype="FP32",
                shape=[1, 3, 32, 32],
                data=None,
                parameters={"binary_data_size": 3},
            ),
            b"abc",
        ),
    ),
    "FP32 of two dimensions": (400, fp32([4, 4], [0.0] * 16)),
    "FP32 of four channels": (400, fp32([1, 4, 32, 32], [0.0] * 4096)),
    "FP32 of a side that is no multiple": (400, fp32([1, 3, 33, 32], [0.0] * 3168)),
    "FP32 of a huge area": (400, fp32([1, 3, 512, 512], [0] * (3 * 512 * 512))),
    "FP32 of strings": (400, fp32([1, 3, 256, 256], ["1", *FLAT[1:]])),
    "FP32 of booleans": (400, fp32([1, 3, 256, 256], [True, *FLAT[1:]])),
    "FP32 with null": (400, fp32([1, 3, 256, 256], [None, *FLAT[1:]])),
    "FP32 with 1e30": (400, fp32([1, 3, 256, 256], [1e30, *FLAT[1:]])),
    "FP32 with 1e300": (400, fp32([1, 3, 256, 256], [1e300, *FLAT[1:]])),
    "FP32 nested unevenly": (400, fp32([1, 3, 256, 256], [[0.0], *FLAT[1:]])),
    "FP32 nested too deep": (400, fp32([1, 3, 256, 256], [[[[[[0.0]]]]]])),
    "no gzip": (400, {"json": message(), "headers": {"Content-Encoding": "gzip"}}),
    "no deflate": (400, {"json": message(), "headers": {"Content-Encoding": "deflate"}}),
    "gzip cut off": (
        400,
        {"content": gzip.compress(DUMPED)[:-9], "headers": {"Content-Encoding": "gzip"}},
    ),
    "gzip of rubbish": (
        400,
        {"content": gzip.compress(b"rubbish"), "headers": {"Content-Encoding": "gzip"}},
    ),
    "a bomb of gzip": (
        413,
        {"content": gzip.compress(bytes(21_000_000)), "headers": {"Content-Encoding": "gzip"}},
    ),
    "Brotli": (415, {"content": b"", "headers": {"Content-Encoding": "br"}}),
    "bad deadline": (422, {"json": message(), "headers": {"X-Request-Timeout": "-1"}}),
    "too large": (413, {"content": b"a" * 21_000_000}),
    "more photos than a client may have": (413, {"json": message(shape=[60], data=["aa=="] * 60)}),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_request_gets_a_status_of_its_own_and_an_error_line(
    server: ServerProcess, case: str
) -> None:
    status, request = BAD[case]
    answer = server.client.post(INFER, **request)
    assert answer.status_code == status, answer.text
    assert list(answer.json()) == ["error"]
    assert answer.json()["error"]
    assert answer.headers["x-request-id"]
    assert server.client.get("/livez").status_code == 200
