"""Pillow's readers of WebP and AVIF, which let go of their decoder as soon as it has decoded.

It holds two frames, or one and its planes, which are of no more use: 8 bytes a pixel of a WebP.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from PIL.AvifImagePlugin import AvifImageFile
from PIL.ImageFile import ImageFile
from PIL.WebPImagePlugin import WebPImageFile

if TYPE_CHECKING:
    from PIL._imaging import PixelAccess


class WebpReader(WebPImageFile):
    """Reads the first frame, once."""

    def _get_next(self) -> tuple[bytes, int, int]:
        frame = super()._get_next()
        self._decoder = None
        return frame

    def load_end(self) -> None:
        """Let go of the bytes, which are pixels now."""
        self.fp = None


class AvifReader(AvifImageFile):
    """Reads the first frame, once."""

    def load(self) -> PixelAccess | None:
        """The pixels; the decoder is gone then."""
        if self.tile:
            data, *_ = self._decoder.get_frame(self.tell())
            self._decoder = None
            self.fp = io.BytesIO(data)
        return ImageFile.load(self)

    def load_end(self) -> None:
        """Let go of the bytes, which are pixels now."""
        self.fp = None
