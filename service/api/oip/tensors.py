"""Tensors of the Open Inference Protocol: FP32 and BYTES, in JSON and in binary.

In JSON, BYTES elements are base64 (images are no text), FP32 is nested or flat. In binary, FP32 is
little-endian and row-major, and each BYTES element has its length before it (4 bytes).
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Sequence
from itertools import chain
from typing import Any

import numpy as np

from service.errors import InvalidTensor
from service.imaging.transforms import Tensor

FP32 = "FP32"
BYTES = "BYTES"

_LENGTH = struct.Struct("<I")
_DEEPEST = 4


def fp32_from_json(data: list[Any], shape: Sequence[int]) -> Tensor:
    """Numbers, nested or flat, as an array of ``shape``; raises :class:`InvalidTensor`."""
    values = data
    for _ in range(_DEEPEST):
        if not any(type(value) is list for value in values):
            break
        if not all(type(value) is list for value in values):
            raise InvalidTensor("The data is nested unevenly.")
        values = list(chain.from_iterable(values))
    if not set(map(type, values)) <= {int, float}:
        raise InvalidTensor("FP32 data must be numbers.")
    _check_count(len(values), shape)
    # What is no float32 becomes infinite, which no network takes.
    with np.errstate(over="ignore"):
        return np.array(values, np.float64).astype(np.float32).reshape(shape)


def fp32_from_binary(data: memoryview, shape: Sequence[int]) -> Tensor:
    """Little-endian bytes as an array of ``shape``; raises :class:`InvalidTensor`."""
    if len(data) % 4:
        raise InvalidTensor("FP32 data must be of four bytes each.")
    _check_count(len(data) // 4, shape)
    return np.frombuffer(data, "<f4").astype(np.float32).reshape(shape)


def bytes_from_json(data: list[Any], shape: Sequence[int]) -> list[bytes]:
    """Base64 strings as bytes; raises :class:`InvalidTensor`."""
    if not all(isinstance(value, str) for value in data):
        raise InvalidTensor("BYTES data in JSON must be base64 strings.")
    _check_count(len(data), shape)
    try:
        return [base64.b64decode(value, validate=True) for value in data]
    except (binascii.Error, ValueError):
        raise InvalidTensor("BYTES data in JSON must be base64.") from None


def bytes_from_binary(data: memoryview, shape: Sequence[int]) -> list[bytes]:
    """Elements with their lengths before them; raises :class:`InvalidTensor`."""
    elements = []
    at = 0
    for _ in range(math.prod(shape)):
        start = at + _LENGTH.size
        if start > len(data):
            raise InvalidTensor("BYTES data ends before its last element.")
        at = start + _LENGTH.unpack_from(data, at)[0]
        if at > len(data):
            raise InvalidTensor("BYTES data ends within an element.")
        elements.append(bytes(data[start:at]))
    if at != len(data):
        raise InvalidTensor("BYTES data goes on after its last element.")
    return elements


def bytes_to_binary(elements: Sequence[bytes]) -> bytes:
    """The elements, each after its length."""
    return b"".join(chain.from_iterable((_LENGTH.pack(len(e)), e) for e in elements))


def bytes_to_json(elements: Sequence[bytes]) -> list[str]:
    """The elements as base64."""
    return [base64.b64encode(element).decode() for element in elements]


def _check_count(count: int, shape: Sequence[int]) -> None:
    if count != math.prod(shape):
        raise InvalidTensor(f"The data has {count} elements; its shape says {math.prod(shape)}.")
