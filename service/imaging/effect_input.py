"""From the bytes of a photo to what an effect is made of: its pixels and a network's input."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass

from service.imaging.decode import Photo, decode_photo
from service.imaging.network_input import decode_for_network, transform_for_network
from service.imaging.transforms import InputRule, Rgb, Tensor, bounded_size, shrink


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


def effect_input(
    data: bytes, rule: InputRule | None, side: int, scaled_decode: bool = False
) -> EffectInput:
    """The photo within ``side`` pixels and, with ``rule``, a network's input of it.

    The network is shown what it is shown for depth alone, so that its answer is the same. With
    ``scaled_decode``, a JPEG is decoded at a fraction of its size that covers what is needed:
    twice where the network needs less than the effect. Raises the errors of decoding.
    """

    def cover(width: int, height: int) -> tuple[int, int]:
        return bounded_size(width, height, side)

    if rule is None:
        photo = decode_photo(data, cover if scaled_decode else None)
        return EffectInput(_within(photo, side), None)
    photo = decode_for_network(data, rule, scaled_decode)
    prepared = transform_for_network(photo, rule, scaled_decode)
    height, width = photo.pixels.shape[:2]
    needed = cover(photo.width, photo.height)
    if width < needed[0] or height < needed[1]:
        photo = decode_photo(data, cover)
    started = time.perf_counter()
    photo = _within(photo, side)
    took = prepared.transform_seconds + time.perf_counter() - started
    return EffectInput(photo, prepared.tensor, took)


def _within(photo: Photo, side: int) -> Photo:
    """The photo with its pixels at exactly the bounded size."""
    pixels = shrink(photo.pixels, bounded_size(photo.width, photo.height, side))
    return dataclasses.replace(photo, pixels=pixels)
