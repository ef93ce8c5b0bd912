from __future__ import annotations

import base64

import numpy as np
import orjson
import pytest

from service.api.oip.message import read_call, write_answer
from service.api.oip.tensors import bytes_from_binary, bytes_to_binary, fp32_from_binary
from service.errors import InvalidTensor, PayloadTooLarge


def call(shape: list[int], data: list[object], name: str = "input") -> bytes:
    datatype = {"input": "FP32", "image": "BYTES"}[name]
    return orjson.dumps(
        {"inputs": [{"name": name, "shape": shape, "datatype": datatype, "data": data}]}
    )


@pytest.mark.parametrize("elements", [[], [b""], [b"a", b"", b"long" * 1000]])
def test_bytes_survive_the_binary_form(elements: list[bytes]) -> None:
    data = bytes_to_binary(elements)
    assert bytes_from_binary(memoryview(data), [len(elements)]) == elements


@pytest.mark.parametrize(
    "data", [[0.5, 1, -2, 3], [[0.5, 1], [-2, 3]], [[[0.5], [1]], [[-2], [3]]]]
)
def test_numbers_may_be_nested_or_flat(data: list[object]) -> None:
    tensors = read_call(call([2, 2], data), None, most_images=4).tensors
    assert tensors is not None
    assert tensors.dtype == np.float32
    assert tensors.tolist() == [[0.5, 1.0], [-2.0, 3.0]]


def test_binary_numbers_are_little_endian() -> None:
    (value,) = fp32_from_binary(memoryview(b"\x00\x00\x80\x3f"), [1])
    assert value == 1.0


def test_photos_in_json_are_base64() -> None:
    photos = [b"first", b"second"]
    data: list[object] = [base64.b64encode(photo).decode() for photo in photos]
    assert read_call(call([2], data, "image"), None, most_images=2).photos == photos
    with pytest.raises(PayloadTooLarge):
        read_call(call([2], data, "image"), None, most_images=1)


@pytest.mark.parametrize("data", [[1, 2, 3], [1, 2, 3, None], [1, 2, 3, "4"], [[1, 2], 3, 4]])
def test_what_is_no_tensor_of_the_shape_is_refused(data: list[object]) -> None:
    with pytest.raises(InvalidTensor):
        read_call(call([2, 2], data), None, most_images=4)


def test_an_answer_may_mix_json_and_binary() -> None:
    depth = np.array([[[0.5, 1.0]]], np.float32)
    body, size = write_answer(
        {"model_name": "m"}, [("depth", depth, False), ("heatmap", [b"png"], True)]
    )
    assert size is not None
    head = orjson.loads(body[:size])
    assert head["outputs"] == [
        {"name": "depth", "datatype": "FP32", "shape": [1, 1, 2], "data": [0.5, 1.0]},
        {
            "name": "heatmap",
            "datatype": "BYTES",
            "shape": [1],
            "parameters": {"binary_data_size": 7},
        },
    ]
    assert body[size:] == b"\x03\0\0\0png"


def test_an_answer_in_json_alone_has_no_length_of_its_own() -> None:
    body, size = write_answer({}, [("heatmap", [b"png"], False)])
    assert size is None
    assert orjson.loads(body)["outputs"][0]["data"] == [base64.b64encode(b"png").decode()]
