"""Pillow's PNG reader with a transparent colour of 16 bits."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngImageFile

from service.imaging.strips import strips_in_turn

_RGB_HIGH_BYTES, _RGB_LOW_BYTES = "RGB;16B", "RGB;16L"


class PngReader(PngImageFile):
    """Pillow reads 16-bit RGB as its high bytes, and compares those with the transparent colour.

    Two colours may share them, so the low bytes are read, too, where there is such a colour.
    """

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self._file = file
        self._transparent: tuple[int, int, int] | None = None
        if self.tile and self.tile[0].args == _RGB_HIGH_BYTES:
            self._transparent = self.info.pop("transparency", None)

    def load_end(self) -> None:
        """Turn a transparent colour of 16 bits into an alpha channel."""
        super().load_end()
        if self._transparent is None:
            return
        low = PngImageFile(io.BytesIO(self._file.getvalue()))
        low.tile = [low.tile[0]._replace(args=_RGB_LOW_BYTES)]
        alpha = np.empty((self.height, self.width), np.uint8)
        for strip in strips_in_turn(alpha.shape):
            box = (0, strip.first, self.width, strip.end)
            high_bytes, low_bytes = (np.asarray(image.crop(box)) for image in (self, low))
            samples = high_bytes.astype(np.uint16) << 8 | low_bytes
            opaque = (samples != np.array(self._transparent, np.uint16)).any(axis=2)
            np.multiply(opaque, np.uint8(255), out=alpha[strip.rows])
        del low
        self.putalpha(Image.fromarray(alpha))
