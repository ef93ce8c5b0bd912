"""Photos as a decoder gives them to the service."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.decoding.decoder import Decoder
from service.errors import DepthError


def pixels(decoder: Decoder, data: bytes) -> NDArray[np.uint8]:
    """What the service makes effects and depth of."""
    decoder.photo_size(data)
    return decoder.effect_input(data, None, 4096).pixels


def signed_pixels(decoder: Decoder, data: bytes) -> NDArray[np.int16]:
    """The same for whoever subtracts them."""
    return pixels(decoder, data).astype(np.int16)


def refusal(decoder: Decoder, data: bytes) -> DepthError:
    with pytest.raises(DepthError) as caught:
        pixels(decoder, data)
    return caught.value
