"""Frames as an animated WebP or GIF, or as a video where FFmpeg's libraries are installed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

import numpy as np
from PIL import Image

from service.imaging.film import INDEX_FIRST, Codec, Film, require_av
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


_CODECS = {AnimationFormat.MP4: Codec.H264, AnimationFormat.WEBM: Codec.VP9}

_WEBP_QUALITY = 80
_PALETTE_FRAMES = 4
# GIF counts in hundredths of a second, and browsers slow anything below two of them down.
_SHORTEST_GIF_FRAME_MS = 20


@dataclass(frozen=True)
class Frames:
    """``count`` pictures ``(h, w, 3)`` uint8 RGB, of one size with even sides.

    ``render(number)`` makes one: when it is needed, as all together take 180 MB.
    """

    count: int
    render: Callable[[int], Rgb]

    def __iter__(self) -> Iterator[Rgb]:
        return map(self.render, range(self.count))


def encode_animation(frames: Frames, seconds_per_frame: float, format: AnimationFormat) -> bytes:
    """Write ``frames``, one at least; some of a GIF's are rendered twice.

    WebP and GIF loop for ever. Raises :class:`InvalidParameter` for a video without PyAV.
    """
    if format in _CODECS:
        return _encode_video(frames, seconds_per_frame, format)
    if format is AnimationFormat.GIF:
        return _encode_gif(frames, seconds_per_frame)
    return _encode_webp(frames, seconds_per_frame)


class _Pages(Image.Image):
    """Frames that are made when their turn comes, as Pillow reads the pages of a file."""

    def __init__(self, frames: Frames) -> None:
        super().__init__()
        self._frames = frames
        self.n_frames = frames.count
        self.seek(0)

    def seek(self, frame: int) -> None:
        picture = Image.fromarray(self._frames.render(frame))
        self.im, self._mode, self._size = picture.im, picture.mode, picture.size


def _encode_webp(frames: Frames, seconds_per_frame: float) -> bytes:
    buffer = io.BytesIO()
    _Pages(frames).save(
        buffer,
        "WEBP",
        save_all=True,
        duration=max(1, round(1000 * seconds_per_frame)),
        loop=0,
        quality=_WEBP_QUALITY,
        method=0,
    )
    return buffer.getvalue()


def _encode_gif(frames: Frames, seconds_per_frame: float) -> bytes:
    # One palette for all frames: colours that change from frame to frame would flicker.
    step = -(-frames.count // _PALETTE_FRAMES)
    some = [frames.render(number) for number in range(0, frames.count, step)]
    palette = Image.fromarray(np.concatenate(some)).quantize(256, Image.Quantize.MEDIANCUT)
    quantized = (Image.fromarray(frame).quantize(palette=palette) for frame in frames)
    buffer = io.BytesIO()
    next(quantized).save(
        buffer,
        "GIF",
        save_all=True,
        append_images=quantized,
        duration=max(_SHORTEST_GIF_FRAME_MS, 10 * round(100 * seconds_per_frame)),
        loop=0,
        optimize=False,
    )
    return buffer.getvalue()


def _encode_video(frames: Frames, seconds_per_frame: float, format: AnimationFormat) -> bytes:
    require_av(f"format={format}")
    import av

    rate = Fraction(1 / seconds_per_frame).limit_denominator(1000)
    buffer = io.BytesIO()
    options = INDEX_FIRST if format is AnimationFormat.MP4 else {}

    def again(url: str, flags: int, more: object) -> io.BytesIO:
        """What is written so far: FFmpeg reads it anew to put the index before it."""
        return io.BytesIO(buffer.getvalue())

    with av.open(buffer, "w", format=format.value, options=options, io_open=again) as container:
        film = Film(container, _CODECS[format], 1 / rate, rate)
        for number, pixels in enumerate(frames):
            film.add(pixels, number)
        film.finish()
    return buffer.getvalue()
