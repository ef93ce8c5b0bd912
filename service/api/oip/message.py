"""Inference messages of the Open Inference Protocol, from bytes and to bytes.

A body is JSON; with the binary tensor data extension, it is JSON of as many bytes as the header
``Inference-Header-Content-Length`` says, and then the data of each tensor that has a
``binary_data_size``, in the order of the tensors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
import pydantic

from service.api.oip.schemas import InferRequest, InputTensor
from service.api.oip.tensors import (
    BYTES,
    FP32,
    bytes_from_binary,
    bytes_from_json,
    bytes_to_binary,
    bytes_to_json,
    fp32_from_binary,
    fp32_from_json,
)
from service.errors import InvalidTensor, MalformedRequest, PayloadTooLarge
from service.imaging.transforms import DepthArray, Tensor

# Python objects take many times the bytes of their JSON; larger tensors come in binary.
_MOST_JSON_VALUES = 2_000_000
_MOST_JSON_CONTAINERS = 100_000

Output = tuple[str, DepthArray | list[bytes], bool]
"""Name, value (an array or BYTES elements), and whether it is sent in binary."""


@dataclass(frozen=True)
class InferCall:
    """A request whose tensors were read: either photos, or network inputs ``(n, 3, h, w)``."""

    message: InferRequest
    photos: list[bytes] | None
    tensors: Tensor | None


def read_call(body: bytes, json_length: str | None, most_images: int) -> InferCall:
    """The request in ``body``; ``json_length`` is what the header says.

    Raises :class:`MalformedRequest`, :class:`InvalidTensor`, or :class:`PayloadTooLarge` for more
    than ``most_images`` photos or network inputs.
    """
    size = _json_size(body, json_length)
    message = _read_message(body[:size])
    (tensor,) = message.inputs
    binary = memoryview(body)[size:]
    if len(binary) != (tensor.parameters.binary_data_size or 0):
        raise MalformedRequest("The bytes after the JSON are not as many as the tensor says.")
    _check_shape(tensor, most_images)
    if (tensor.parameters.binary_data_size is None) == (tensor.data is None):
        raise InvalidTensor("The input needs either data or a binary_data_size.")
    photos, tensors = None, None
    if (tensor.name, tensor.datatype) == ("image", BYTES):
        photos = _photos(tensor, binary)
    elif (tensor.name, tensor.datatype) == ("input", FP32):
        tensors = _network_inputs(tensor, binary)
    else:
        raise InvalidTensor("The input must be image (BYTES) or input (FP32).")
    # Python's numbers take many times as much, and would be held until the answer is sent.
    tensor.data = None
    return InferCall(message, photos, tensors)


def write_answer(head: dict[str, Any], outputs: list[Output]) -> tuple[bytes, int | None]:
    """The body that answers with ``outputs``, and the length of its JSON if data follows."""
    tensors: list[dict[str, Any]] = []
    binary: list[bytes | memoryview] = []
    for name, value, is_binary in outputs:
        is_array = isinstance(value, np.ndarray)
        tensor: dict[str, Any] = {
            "name": name,
            "datatype": FP32 if is_array else BYTES,
            "shape": list(value.shape) if isinstance(value, np.ndarray) else [len(value)],
        }
        if is_binary:
            data = (
                np.ascontiguousarray(value, "<f4").data.cast("B")
                if isinstance(value, np.ndarray)
                else bytes_to_binary(value)
            )
            tensor["parameters"] = {"binary_data_size": len(data)}
            binary.append(data)
        else:
            tensor["data"] = (
                np.ascontiguousarray(value).reshape(-1)
                if isinstance(value, np.ndarray)
                else bytes_to_json(value)
            )
        tensors.append(tensor)
    json = orjson.dumps(head | {"outputs": tensors}, option=orjson.OPT_SERIALIZE_NUMPY)
    return b"".join((json, *binary)), len(json) if binary else None


def _photos(tensor: InputTensor, binary: memoryview) -> list[bytes]:
    if tensor.data is None:
        return bytes_from_binary(binary, tensor.shape)
    return bytes_from_json(tensor.data, tensor.shape)


def _network_inputs(tensor: InputTensor, binary: memoryview) -> Tensor:
    if tensor.data is None:
        return fp32_from_binary(binary, tensor.shape)
    return fp32_from_json(tensor.data, tensor.shape)


def _json_size(body: bytes, json_length: str | None) -> int:
    if json_length is None:
        return len(body)
    # A number too long for any body is not worth parsing.
    if not (json_length.isascii() and json_length.isdigit() and len(json_length) < 19):
        raise MalformedRequest("Inference-Header-Content-Length is not a number.")
    if int(json_length) > len(body):
        raise MalformedRequest("The body is shorter than Inference-Header-Content-Length.")
    return int(json_length)


def _read_message(json: bytes) -> InferRequest:
    if (
        json.count(b",") > _MOST_JSON_VALUES
        or json.count(b"[") + json.count(b"{") > _MOST_JSON_CONTAINERS
    ):
        raise PayloadTooLarge("So large a tensor must be sent as binary data, not as JSON.")
    try:
        return InferRequest.model_validate(orjson.loads(json))
    except orjson.JSONDecodeError:
        raise MalformedRequest("The request is not JSON.") from None
    except pydantic.ValidationError as error:
        faults = "; ".join(
            f"{'.'.join(map(str, fault['loc'])) or 'request'}: {fault['msg']}"
            for fault in error.errors(include_input=False, include_url=False)
        )
        raise MalformedRequest(faults[:1000]) from None


def _check_shape(tensor: InputTensor, most_images: int) -> None:
    if not tensor.shape or min(tensor.shape) < 1:
        raise InvalidTensor("The shape must be of positive sizes.")
    if tensor.datatype == BYTES and len(tensor.shape) != 1:
        raise InvalidTensor("The shape of image is [n].")
    if tensor.shape[0] > most_images:
        raise PayloadTooLarge(f"One request may hold at most {most_images} images.")
