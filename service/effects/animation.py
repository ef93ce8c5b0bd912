"""Frames as an animated WebP or GIF, or as a video where FFmpeg's libraries are installed."""

from __future__ import annotations

import io
import itertools
from collections.abc import Iterator
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy as np
from PIL import Image

from service.errors import InvalidParameter
from service.imaging.transforms import Rgb


class AnimationFormat(StrEnum):
    """Kinds of files; the videos need PyAV (the extra ``video``)."""

    WEBP = "webp"
    GIF = "gif"
    MP4 = "mp4"
    WEBM = "webm"

    @property
    def media_type(self) -> str:
        """The format's media type."""
        group = "video" if self in _CODECS else "image"
        return f"{group}/{self.value}"


_CODECS = {
    AnimationFormat.MP4: ("libx264", {"crf": "20", "preset": "veryfast"}),
    AnimationFormat.WEBM: ("libvpx-vp9", {"crf": "33", "b:v": "0", "cpu-used": "8"}),
}

_WEBP_QUALITY = 80
_PALETTE_FRAMES = 4
# GIF counts in hundredths of a second, and browsers slow anything below two of them down.
_SHORTEST_GIF_FRAME_MS = 20


def encode_animation(
    frames: Iterator[Rgb], seconds_per_frame: float, format: AnimationFormat
) -> bytes:
    """Write ``frames``, ``(h, w, 3)`` uint8 RGB of one size with even sides; one at least.

    WebP and GIF loop for ever. Raises :class:`InvalidParameter` for a video without PyAV.
    """
    if format in _CODECS:
        return _encode_video(frames, seconds_per_frame, format)
    if format is AnimationFormat.GIF:
        return _encode_gif(frames, seconds_per_frame)
    return _encode_webp(frames, seconds_per_frame)


def _encode_webp(frames: Iterator[Rgb], seconds_per_frame: float) -> bytes:
    first, *rest = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(
        buffer,
        "WEBP",
        save_all=True,
        append_images=rest,
        duration=max(1, round(1000 * seconds_per_frame)),
        loop=0,
        quality=_WEBP_QUALITY,
        method=0,
    )
    return buffer.getvalue()


def _encode_gif(frames: Iterator[Rgb], seconds_per_frame: float) -> bytes:
    pictures = [Image.fromarray(frame) for frame in frames]
    # One palette for all frames: colours that change from frame to frame would flicker.
    some = [np.asarray(picture) for picture in pictures[:: -(-len(pictures) // _PALETTE_FRAMES)]]
    palette = Image.fromarray(np.concatenate(some)).quantize(256, Image.Quantize.MEDIANCUT)
    first, *rest = [picture.quantize(palette=palette) for picture in pictures]
    buffer = io.BytesIO()
    first.save(
        buffer,
        "GIF",
        save_all=True,
        append_images=rest,
        duration=max(_SHORTEST_GIF_FRAME_MS, 10 * round(100 * seconds_per_frame)),
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()


def _encode_video(
    frames: Iterator[Rgb], seconds_per_frame: float, format: AnimationFormat
) -> bytes:
    try:
        import av
    except ImportError:
        raise InvalidParameter(
            f"format={format} needs PyAV, which this server does not have: install it with "
            "`pip install '.[video]'`, or ask for webp or gif."
        ) from None
    codec, settings = _CODECS[format]
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=format.value) as container:
        stream: Any = container.add_stream(
            codec, rate=Fraction(1 / seconds_per_frame).limit_denominator(1000), options=settings
        )
        first = next(frames)
        stream.height, stream.width = first.shape[:2]
        stream.pix_fmt = "yuv420p"
        for pixels in itertools.chain([first], frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return buffer.getvalue()
