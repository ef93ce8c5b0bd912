"""Clips as cameras and phones make them, small."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from numpy.typing import NDArray

from tests.support.photos import photo_pixels

Picture = NDArray[np.uint8]
WIDTH, HEIGHT = 160, 90


def panned(number: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """What a camera that pans over a photo sees."""
    photo = photo_pixels("coffee.png")
    left, top = 2 * number, 100
    return np.ascontiguousarray(photo[top : top + height, left : left + width])


def write_clip(
    path: Path,
    frames: int = 12,
    picture: Callable[[int], Picture] = panned,
    times: Sequence[int] | None = None,
    codec: str = "libx264",
    pixels: str = "yuv420p",
    sound: str | None = None,
    rotation: int = 0,
    transfer: int | None = None,
    ratio: Fraction | None = None,
    options: Mapping[str, str] | None = None,
) -> Path:
    """A clip of 25 frames a second, or with ``times`` in thousandths of one.

    ``ratio`` is a pixel's width to its height.
    """
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(codec, rate=25, options=dict(options or {}))
        stream.height, stream.width = picture(0).shape[:2]
        stream.pix_fmt = pixels
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        if transfer is not None:
            stream.codec_context.color_trc = transfer
        if ratio is not None:
            stream.codec_context.sample_aspect_ratio = ratio
        if rotation:
            stream.set_display_rotation(rotation)
        audio: Any = container.add_stream(sound, rate=48000, layout="mono") if sound else None
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(picture(number), "rgb24").reformat(format=pixels)
            frame.pts = times[number] if times is not None else 40 * number
            frame.time_base = Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            _write_tone(container, audio, seconds=0.04 * frames)
    return path


def write_sound(path: Path, codec: str, seconds: float = 0.5, cover: Picture | None = None) -> Path:
    with av.open(str(path), "w") as container:
        audio: Any = container.add_stream(codec, rate=48000, layout="mono")
        if cover is not None:
            stream: Any = container.add_stream("png", rate=1)
            stream.height, stream.width = cover.shape[:2]
            stream.pix_fmt = "rgb24"
            stream.disposition = Disposition.attached_pic
            frame = av.VideoFrame.from_ndarray(cover, "rgb24")
            frame.pts = 0
            container.mux([*stream.encode(frame), *stream.encode()])
        _write_tone(container, audio, seconds)
    return path


def with_tones(
    path: Path, silent_clip: Path, tones: Sequence[tuple[float, float]], codec: str
) -> Path:
    """The pictures of a clip, and a tone from each second to another; nothing in between."""
    with av.open(str(silent_clip)) as source, av.open(str(path), "w") as container:
        picture = container.add_stream_from_template(source.streams.video[0])
        audio: Any = container.add_stream(codec, rate=48000, layout="mono")
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = picture
                container.mux(packet)
        audio.codec_context.open(strict=False)
        size = audio.codec_context.frame_size or 960
        tone = np.sin(np.arange(size) * 0.05).astype(np.float32)[np.newaxis]
        resampler = av.AudioResampler(audio.codec_context.format, "mono", 48000)
        for start, end in tones:
            for tick in range(round(48000 / size * start), round(48000 / size * end)):
                frame = av.AudioFrame.from_ndarray(tone / 4, "fltp", "mono")
                frame.sample_rate = 48000
                (ready,) = resampler.resample(frame)
                ready.pts, ready.time_base = tick * size, Fraction(1, 48000)
                container.mux(audio.encode(ready))
        container.mux(audio.encode())
    return path


def wipe_packet(path: Path, number: int) -> None:
    """Let a packet of the pictures be zeros."""
    with av.open(str(path)) as container:
        packet = list(container.demux(video=0))[number]
        data, at = bytes(packet), path.read_bytes().index(bytes(packet))
    whole = bytearray(path.read_bytes())
    whole[at : at + len(data)] = bytes(len(data))
    path.write_bytes(whole)


def _write_tone(container: Any, audio: Any, seconds: float) -> None:
    samples = np.sin(np.arange(round(48000 * seconds)) * 0.05)
    fifo = av.AudioFifo()
    frame = av.AudioFrame.from_ndarray(samples.astype(np.float32)[np.newaxis], "fltp", "mono")
    frame.sample_rate, frame.pts = 48000, 0
    fifo.write(frame)
    audio.codec_context.open(strict=False)
    size = audio.codec_context.frame_size or 1024
    resampler = av.AudioResampler(audio.codec_context.format or "fltp", "mono", 48000)
    while (piece := fifo.read(size, partial=True)) is not None:
        for ready in resampler.resample(piece):
            container.mux(audio.encode(ready))
    container.mux(audio.encode())
