"""From the bytes of a photo to a network's input."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from service.errors import InvalidTensor
from service.imaging.decode import Photo, decode_photo, decoding_bytes, is_reducible
from service.imaging.transforms import LARGE_PIXELS, InputRule, Tensor, reduced, to_tensor

# Photos lie within about 3. What is far beyond could overflow inside a network.
_LARGEST_VALUE = 100.0
# A photo and its numbers, with what the heap keeps of the decoder's.
_TRANSFORM_BYTES_PER_PIXEL = 22


@dataclass(frozen=True)
class NetworkInput:
    """``tensor`` is ``(3, h, w)`` float32; ``width`` and ``height`` are the photo's, upright.

    ``transform_seconds`` is what it took after decoding, and ``focal`` as in :class:`Photo`.
    """

    tensor: Tensor
    width: int
    height: int
    transform_seconds: float = 0.0
    focal: int = 0


def decode_for_network(data: bytes, rule: InputRule, scaled_decode: bool = False) -> Photo:
    """Decode a photo for a network; raises the errors of decoding.

    With ``scaled_decode``, a JPEG is decoded at 1/2, 1/4 or 1/8 where that still covers the
    network's input: less work, and depth that differs from a whole decode's by less than 1% of
    its range on the photos of ``tests/unit/imaging/test_scaled_decode.py``.
    """
    return decode_photo(data, rule.network_size if scaled_decode else None)


def transform_for_network(
    photo: Photo, rule: InputRule, scaled_decode: bool = False
) -> NetworkInput:
    """Transform a decoded photo by a network's rule.

    With ``scaled_decode``, what is still large, as no JPEG is, is first reduced: in floating-point
    numbers it would take 12 bytes a pixel. Depth differs by less than 1% of its range here, too.
    """
    started = time.perf_counter()
    size = rule.network_size(photo.width, photo.height)
    pixels = reduced(photo.pixels, size) if scaled_decode else photo.pixels
    pixels = rule.border(photo.width, photo.height).added(pixels)
    tensor = to_tensor(pixels, size, rule)
    took = time.perf_counter() - started
    return NetworkInput(tensor, photo.width, photo.height, took, photo.focal)


def network_input(data: bytes, rule: InputRule, scaled_decode: bool = False) -> NetworkInput:
    """Both steps at once."""
    photo = decode_for_network(data, rule, scaled_decode)
    return transform_for_network(photo, rule, scaled_decode)


def input_bytes(data: bytes, pixels: int, scaled_decode: bool, *, whole: bool = False) -> int:
    """Most memory that reading a photo of so many ``pixels`` for a network takes.

    ``whole``: it is decoded whole, too, for an effect. Measured by `python -m load_tests.decoding`.
    Raises :class:`UnsupportedMediaType`.
    """
    decoding = decoding_bytes(data, pixels, reduced=scaled_decode and not whole)
    if not scaled_decode:
        return max(decoding, _TRANSFORM_BYTES_PER_PIXEL * pixels)
    if is_reducible(data):
        return decoding
    return max(decoding, _TRANSFORM_BYTES_PER_PIXEL * min(pixels, LARGE_PIXELS))


def check_network_input(batch: Tensor, rule: InputRule) -> None:
    """Raise :class:`InvalidTensor` unless ``batch`` is ``(n, 3, h, w)`` as ``rule`` makes it."""
    if batch.ndim != 4 or batch.shape[1] != 3:
        raise InvalidTensor("The network takes tensors of shape [n, 3, height, width].")
    if not rule.accepts(width=batch.shape[3], height=batch.shape[2]):
        raise InvalidTensor(
            f"Height and width must be multiples of {rule.multiple} with an area near "
            f"{rule.target}x{rule.target}, as of a photo resized for this network."
        )
    # False for NaN, too.
    if not (np.abs(batch) <= _LARGEST_VALUE).all():
        raise InvalidTensor(
            f"Values must be finite and within {_LARGEST_VALUE:g}: RGB in 0..1, less the mean, "
            "by the standard deviation."
        )
