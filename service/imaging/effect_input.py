"""From the bytes of a photo to what an effect is made of: its pixels and a network's input."""

from __future__ import annotations

import time
from dataclasses import dataclass

from service.imaging.decode import Photo, decode_photo
from service.imaging.transforms import InputRule, Rgb, Tensor, bounded_size, shrink, to_tensor


@dataclass(frozen=True)
class EffectInput:
    """``photo``, scaled down to the effect's side; no ``tensor`` when no network will run.

    ``transform_seconds`` is what it took after decoding.
    """

    photo: Photo
    tensor: Tensor | None
    transform_seconds: float = 0.0

    @property
    def pixels(self) -> Rgb:
        """The photo's pixels ``(h, w, 3)`` uint8 RGB."""
        return self.photo.pixels


def decode_for_effect(
    data: bytes, rule: InputRule | None, side: int, scaled_decode: bool = False
) -> Photo:
    """Decode once for both; raises the errors of decoding.

    With ``scaled_decode``, a JPEG is decoded at a fraction of its size that still covers the
    network's input and the effect's pixels.
    """

    def cover(width: int, height: int) -> tuple[int, int]:
        needed = bounded_size(width, height, side)
        network = rule.network_size(width, height) if rule is not None else (0, 0)
        return max(needed[0], network[0]), max(needed[1], network[1])

    return decode_photo(data, cover if scaled_decode else None)


def prepare_for_effect(photo: Photo, rule: InputRule | None, side: int) -> EffectInput:
    """The network's input, and the pixels at exactly the bounded size of the photo."""
    started = time.perf_counter()
    tensor = None
    if rule is not None:
        tensor = to_tensor(photo.pixels, rule.network_size(photo.width, photo.height), rule)
    pixels = shrink(photo.pixels, bounded_size(photo.width, photo.height, side))
    scaled = Photo(pixels, photo.width, photo.height)
    return EffectInput(scaled, tensor, time.perf_counter() - started)
