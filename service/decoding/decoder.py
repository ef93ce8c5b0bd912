"""Decoding as the pipeline sees it, wherever it happens."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.imaging.decode import decode_grey, read_header
from service.imaging.effect_input import EffectInput, effect_input
from service.imaging.files.formats import PhotoFormat
from service.imaging.network_input import NetworkInput, network_input
from service.imaging.transforms import InputRule


class Decoder(Protocol):
    """Reads photos; its methods block, and run in threads."""

    def photo_size(self, data: bytes) -> tuple[int, int]:
        """``(width, height)``, upright, from the photo's header.

        Raises :class:`UnsupportedMediaType`, :class:`UndecodableImage`, or
        :class:`PayloadTooLarge` past the pixel limit.
        """

    def network_input(self, data: bytes, rule: InputRule) -> NetworkInput:
        """The photo, ready for a network; raises the errors of decoding."""

    def effect_input(self, data: bytes, rule: InputRule | None, side: int) -> EffectInput:
        """The photo within ``side`` pixels, and with ``rule`` a network's input from one decode.

        Raises the errors of decoding.
        """

    def grey(self, data: bytes) -> NDArray[np.float32]:
        """The numbers ``(h, w)`` of a grey picture; raises the errors of :func:`decode_grey`."""

    def wait_until_ready(self) -> None:
        """Return when photos can be decoded; raises :class:`DecoderUnavailable`."""

    def is_healthy(self) -> bool:
        """False when only a restart of the service can help."""

    def close(self) -> None:
        """Let go of what it holds; work in hand fails."""


class InProcessDecoder:
    """Decodes in the thread that asks; ``optional`` formats besides those that always are."""

    def __init__(
        self, max_pixels: int, scaled_decode: bool, optional: Collection[PhotoFormat] = ()
    ) -> None:
        self._max_pixels = max_pixels
        self._scaled_decode = scaled_decode
        self._optional = optional

    def photo_size(self, data: bytes) -> tuple[int, int]:
        """See :class:`Decoder`."""
        header = read_header(data, self._max_pixels, self._optional)
        return header.width, header.height

    def network_input(self, data: bytes, rule: InputRule) -> NetworkInput:
        """See :class:`Decoder`."""
        return network_input(data, rule, self._scaled_decode)

    def effect_input(self, data: bytes, rule: InputRule | None, side: int) -> EffectInput:
        """See :class:`Decoder`."""
        return effect_input(data, rule, side, self._scaled_decode)

    def grey(self, data: bytes) -> NDArray[np.float32]:
        """See :class:`Decoder`."""
        return decode_grey(data, self._max_pixels)

    def wait_until_ready(self) -> None:
        """It is."""

    def is_healthy(self) -> bool:
        """Always."""
        return True

    def close(self) -> None:
        """Nothing to let go of."""
