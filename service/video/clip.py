"""A clip's pictures in turn, upright, in sRGB and at their times; what is no clip is refused.

Only files of this machine are opened, by demuxers that open no others (playlists do), and only by
whoever runs the command: nothing of this serves HTTP.
"""

from __future__ import annotations

import dataclasses
import heapq
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from service.errors import InvalidParameter, UnsupportedMediaType
from service.imaging.files.formats import sniff
from service.imaging.film import AvContainer, AvFrame, AvStream, address_of, require_av
from service.imaging.transforms import Rgb

MOST_PIXELS = 4096 * 2304
"""Of a frame: 4K, whatever its shape."""

# Headers are read past it, so that a refusal can say how large the frames are.
_MOST_HEADER_PIXELS = 8 * MOST_PIXELS
_DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,flv,ogg,asf,nut,ivf,yuv4mpegpipe,"
    "mp3,wav,flac,aac"
)
_HDR = {16: "PQ", 18: "HLG"}
_UNSPECIFIED, _BT709, _BT601 = 2, 1, 5
_HD_LINES = 720
_HEAD_BYTES = 4096
_USUAL_RATE = Fraction(25)


@dataclass(frozen=True)
class ClipFrame:
    """``pixels`` ``(h, w, 3)`` uint8 RGB. ``time`` is in the clip's ``time_base``, 0 at its start.

    ``number`` counts from 0; ``repeated``: it could not be decoded, and shows the one before.
    """

    number: int
    time: int
    pixels: Rgb
    repeated: bool = False


@dataclass(frozen=True)
class Span:
    """Which part of a clip, in seconds, and at most how many frames a second; None is no bound."""

    start: float | None = None
    end: float | None = None
    fps: float | None = None


@dataclass(frozen=True)
class _Coded:
    """A frame as it was decoded, or the one before in its place."""

    time: int
    frame: AvFrame
    repeated: bool


class Clip:
    """An open clip. Raises :class:`InvalidParameter`, saying what is wrong, for what is none.

    ``origin`` is the first frame's time in the file, in seconds, once there was one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._container = open_clip(path)
        try:
            self._stream = self._picture_stream()
        except BaseException:
            self._container.close()
            raise
        self.time_base: Fraction = self._stream.time_base
        self.origin = 0.0
        # Of a damaged header any of them may be missing.
        self.rate: Fraction = self._stream.average_rate or self._stream.guessed_rate or _USUAL_RATE

    def __enter__(self) -> Clip:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; frames that are still iterated over end."""
        self._container.close()

    @property
    def seconds(self) -> float | None:
        """As the header says, if it says anything."""
        if self._stream.duration:
            return float(self._stream.duration * self.time_base)
        return self._container.duration / 1e6 if self._container.duration else None

    def count(self, span: Span) -> int | None:
        """About how many frames :meth:`frames` gives."""
        if self.seconds is None:
            return None
        end = self.seconds if span.end is None else min(span.end, self.seconds)
        rate = float(self.rate) if span.fps is None else min(span.fps, float(self.rate))
        return max(1, round((end - (span.start or 0)) * rate))

    def frames(self, span: Span, skip: int = 0) -> Iterator[ClipFrame]:
        """Frames of a part of the clip from number ``skip`` on; once for each open clip.

        A frame that cannot be decoded is the one before again. Raises :class:`InvalidParameter`
        where there is none at all, or one is in HDR.
        """
        size, number = None, 0
        for coded in _thinned(self._within(span), span.fps, self.time_base):
            if number >= skip:
                pixels = self._pixels(coded.frame, size)
                size = size or pixels.shape[1::-1]
                yield ClipFrame(number, coded.time, pixels, coded.repeated)
            elif size is None:
                size = self._pixels(coded.frame, None).shape[1::-1]
            number += 1
        if not number:
            where = "" if span == Span(fps=span.fps) else f" from {span.start or 0:g} s on"
            where += "" if span.end is None else f" to {span.end:g} s"
            raise InvalidParameter(f"{self.path.name}: no frame of it{where} can be decoded.")

    def _picture_stream(self) -> AvStream:
        from av.stream import Disposition

        name = self.path.name
        # Songs have a cover.
        pictures = [
            stream
            for stream in self._container.streams.video
            if Disposition.attached_pic not in stream.disposition
        ]
        if not pictures:
            raise InvalidParameter(f"{name}: there are no pictures in it, only sound.")
        stream = pictures[0]
        coding = stream.codec_context
        if coding is None:
            raise InvalidParameter(f"{name}: it is encrypted, or in a codec that is not read.")
        # The larger of what is decoded and what is shown.
        width = max(coding.width, _shown_width(coding.width, stream))
        if width * coding.height > MOST_PIXELS:
            raise InvalidParameter(
                f"{name}: its frames have {width}x{coding.height} pixels; the limit is "
                f"{MOST_PIXELS} (4096x2304)."
            )
        self._check_colours(coding)
        coding.options = {"max_pixels": str(MOST_PIXELS)}
        # Several frames at once would report damage later than it is, and not always the same.
        stream.thread_type = "SLICE"
        return stream

    def _check_colours(self, coded: AvFrame) -> None:
        transfer = _HDR.get(int(coded.color_trc))
        if transfer is not None:
            raise InvalidParameter(
                f"{self.path.name}: it is in HDR ({transfer}), whose colours networks do not know. "
                "Convert it to SDR first."
            )

    def _within(self, span: Span) -> Iterator[_Coded]:
        """Frames from start to end, with times that grow and count from the clip's first frame."""
        origin, last = None, -1
        start, end = (
            None if seconds is None else seconds / float(self.time_base)
            for seconds in (span.start, span.end)
        )
        step = max(1, round(1 / (self.rate * self.time_base)))
        for coded in self._decoded():
            time = coded.time if coded.time is not None else (origin or 0) + last + step
            if origin is None:
                origin = time
                self.origin = float(origin * self.time_base)
            time = max(time - origin, last + 1)
            last = time
            if end is not None and time >= end:
                return
            if start is None or time >= start:
                yield dataclasses.replace(coded, time=time)

    def _decoded(self) -> Iterator[_Coded]:
        """Frames in the order of time; in place of what is damaged, the last that was not.

        A decoder says of a packet that it is damaged, but not of which time the missing frame is:
        that is told by the times of the packets for which no frame came.
        """
        import av

        expected: list[int] = []
        good: AvFrame = None
        damaged = False
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                # A cut end; what was read before is shown.
                break
            if packet.pts is not None and not packet.is_discard:
                heapq.heappush(expected, packet.pts)
            try:
                frames = packet.decode()
            except av.FFmpegError:
                damaged, frames = True, []
            for frame in frames:
                while expected and frame.pts is not None and expected[0] < frame.pts:
                    missing = heapq.heappop(expected)
                    if damaged and good is not None:
                        yield _Coded(missing, good, True)
                while expected and expected[0] == frame.pts:
                    heapq.heappop(expected)
                broken = frame.is_corrupt and good is not None
                good = good if broken else frame
                yield _Coded(frame.pts, good, broken)
                damaged = False
        if damaged and good is not None:
            for missing in sorted(expected):
                yield _Coded(missing, good, True)

    def _pixels(self, frame: AvFrame, size: tuple[int, int] | None) -> Rgb:
        from av.video.reformatter import ColorRange

        self._check_colours(frame)
        turns = round(frame.rotation / 90) % 4
        width, height = _shown_width(frame.width, self._stream), frame.height
        if size is not None:
            # A stream may change its size on the way.
            width, height = size[::-1] if turns % 2 else size
        space = int(frame.colorspace)
        if space == _UNSPECIFIED:
            space = _BT709 if frame.height >= _HD_LINES else _BT601
        picture = frame.reformat(
            *(width, height, "rgb24"),
            src_colorspace=space,
            src_color_range=frame.color_range,
            dst_color_range=ColorRange.JPEG,
            threads=1,
        ).to_ndarray()
        return np.ascontiguousarray(np.rot90(picture, turns)) if turns else picture


def _shown_width(width: int, stream: AvStream) -> int:
    """With square pixels; broadcasts and old camcorders have others."""
    return max(1, round(width * (stream.sample_aspect_ratio or 1)))


def open_clip(path: Path) -> AvContainer:
    """FFmpeg's view of the file; raises as :class:`Clip` for what is no file or no clip."""
    require_av("Video")
    import av

    _check_file(path)
    options = {"format_whitelist": _DEMUXERS, "max_pixels": str(_MOST_HEADER_PIXELS)}
    try:
        return av.open(address_of(path), options=options)
    except av.FFmpegError:
        raise InvalidParameter(_no_video(path)) from None


def _thinned(frames: Iterator[_Coded], fps: float | None, time_base: Fraction) -> Iterator[_Coded]:
    """At most ``fps`` frames a second: the first of each tick."""
    tick = None
    for coded in frames:
        if fps is not None:
            # Times are rounded to the time base: half of one more.
            now = int((coded.time + 0.5) * float(time_base) * fps)
            if now == tick:
                continue
            tick = now
        yield coded


def _check_file(path: Path) -> None:
    try:
        status = path.stat()
    except OSError as error:
        raise InvalidParameter(f"{path}: {error.strerror}") from None
    if stat.S_ISDIR(status.st_mode):
        raise InvalidParameter(f"{path}: a folder, not a clip. `bulk` reads folders.")
    if not stat.S_ISREG(status.st_mode):
        raise InvalidParameter(f"{path}: not a file. A pipe may have no end.")


def _no_video(path: Path) -> str:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    try:
        kind = sniff(head).name
    except UnsupportedMediaType:
        return f"{path.name}: not a video of a format that is read, or its index is missing."
    return f"{path.name}: a still picture ({kind}), which `predict` reads."
