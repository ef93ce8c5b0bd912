"""Pictures as frames of a video file, with PyAV (the extra ``video``): codecs, sizes and colours.

H.264 and VP9 are written as BT.709 in the limited range and say so, which is what players take
them for; sRGB's own curve is close enough that none converts between the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidParameter

Picture = NDArray[np.uint8] | NDArray[np.uint16]
AvContainer = Any
AvStream = Any
AvPacket = Any
AvFrame = Any
"""PyAV's, which is not there without the extra."""

_BT709, _LIMITED = 1, 1
# The parameters of the codec stand once, before the frames: MP4 and MKV want them there.
_GLOBAL_HEADER = 1 << 22
_LEAST_SIDE = 2
INDEX_FIRST = {"movflags": "+faststart"}
"""For MP4's container: a player starts before it has the whole file."""


class Codec(StrEnum):
    """How a video's pictures are written."""

    H264 = "h264"
    VP9 = "vp9"
    FFV1 = "ffv1"
    """Lossless, 16-bit grey."""


@dataclass(frozen=True)
class _Record:
    """FFmpeg's encoder, its options, its pixels, and the pixels that it is given.

    No frame refers to later ones, so that decoding order is the order of time and pieces that
    were encoded apart can be put together.
    """

    encoder: str
    options: dict[str, str]
    pixels: str
    source: str = "rgb24"


_CODECS = {
    Codec.H264: _Record("libx264", {"crf": "20", "preset": "veryfast", "bf": "0"}, "yuv420p"),
    Codec.VP9: _Record(
        "libvpx-vp9",
        {"crf": "33", "b:v": "0", "cpu-used": "8", "deadline": "realtime", "row-mt": "1"},
        "yuv420p",
    ),
    Codec.FFV1: _Record("ffv1", {"level": "3", "slices": "4"}, "gray16le", "gray16le"),
}


def address_of(path: Path) -> str:
    """What FFmpeg opens the file by: the start of a name may look like a protocol to it."""
    return f"file:{path}"


def require_av(what: str) -> None:
    """Raise :class:`InvalidParameter` where PyAV is not installed."""
    try:
        import av  # noqa: F401
    except ImportError:
        raise InvalidParameter(
            f"{what} needs PyAV, which is not installed here: `pip install '.[video]'`."
        ) from None


class Film:
    """The pictures of one video in an open PyAV ``container``.

    ``time_base`` is what times are counted in, in seconds; ``rate`` about how many frames a second
    there are.
    """

    def __init__(
        self, container: AvContainer, codec: Codec, time_base: Fraction, rate: Fraction
    ) -> None:
        self._container, self._record, self._time_base = container, _CODECS[codec], time_base
        self._stream = container.add_stream(
            self._record.encoder, rate=rate, options=dict(self._record.options)
        )
        self._stream.pix_fmt = self._record.pixels
        self._stream.time_base = self._stream.codec_context.time_base = time_base
        self._begun = False

    def add(self, picture: Picture, time: int) -> None:
        """The next picture, ``(h, w, 3)`` uint8 RGB, or ``(h, w)`` uint16 for FFV1.

        All have one size; of odd sides, codecs that halve colour leave the last row or column out.
        Raises :class:`InvalidParameter` for a picture that no codec takes.
        """
        self._container.mux(self._stream.encode(self._frame(picture, time)))

    def finish(self) -> None:
        """Write what the encoder still holds."""
        if self._begun:
            self._container.mux(self._stream.encode())

    def _frame(self, picture: Picture, time: int) -> AvFrame:
        import av
        from av.video.reformatter import ColorRange, Colorspace

        height, width = picture.shape[:2]
        if min(height, width) < _LEAST_SIDE:
            raise InvalidParameter(
                f"A video's sides are at least {_LEAST_SIDE} pixels, and this would be "
                f"{width}x{height}."
            )
        halved = self._record.pixels == "yuv420p"
        if halved:
            picture = picture[: picture.shape[0] // 2 * 2, : picture.shape[1] // 2 * 2]
        if not self._begun:
            self._begin(picture.shape[0], picture.shape[1], halved)
        pixels: Any = np.ascontiguousarray(picture)
        frame = av.VideoFrame.from_ndarray(pixels, self._record.source)
        if halved:
            frame = frame.reformat(
                format=self._record.pixels,
                dst_colorspace=Colorspace.ITU709,
                src_color_range=ColorRange.JPEG,
                dst_color_range=ColorRange.MPEG,
                threads=1,
            )
        frame.pts, frame.time_base = time, self._time_base
        return frame

    def _begin(self, height: int, width: int, halved: bool) -> None:
        self._stream.height, self._stream.width = height, width
        coding = self._stream.codec_context
        coding.flags |= _GLOBAL_HEADER
        if halved:
            coding.color_primaries = coding.color_trc = coding.colorspace = _BT709
            coding.color_range = _LIMITED
        self._begun = True
