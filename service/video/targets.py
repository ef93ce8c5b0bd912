"""Where a clip's pictures go: one video, or a file a frame in a folder or a ZIP."""

from __future__ import annotations

import contextlib
import heapq
import os
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import numpy as np

from service.errors import InvalidParameter
from service.imaging import png
from service.imaging.encode import EncodeOptions, encode_exr, encode_npy
from service.imaging.film import INDEX_FIRST, AvPacket, AvStream, Codec, Film, address_of
from service.video.numbers import levels
from service.video.order import FrameFormat, VideoOrder
from service.video.painting import LOOKS, Painter, Shot, refuse_what_does_nothing
from service.video.sound import Sound

_CODECS = {
    ".mp4": Codec.H264,
    ".m4v": Codec.H264,
    ".mov": Codec.H264,
    ".mkv": Codec.H264,
    ".webm": Codec.VP9,
}
_NUMBERS_SUFFIX, _ZIP = ".mkv", ".zip"
# A container that counts time in any unit, so that nothing is rounded twice.
_PART = "part.nut"


@dataclass(frozen=True)
class Timing:
    """How a clip counts time, and about how many frames a second it has."""

    time_base: Fraction
    rate: Fraction


class PartWriter(Protocol):
    """Writes the frames of one part."""

    def add(self, shot: Shot, number: int, time: int) -> None:
        """The next frame."""

    def finish(self) -> None:
        """Complete the part's files."""


class Target(Protocol):
    """One kind of output."""

    def begin(self, part: Path, painter: Painter, timing: Timing) -> PartWriter:
        """A writer for the part in the folder ``part``."""

    def join(self, parts: Sequence[Path], sound: Sound | None, timing: Timing) -> None:
        """Make the whole of its parts; it takes its name when it is complete."""


def target_for(path: Path, order: VideoOrder, goes_on: bool = False) -> Target:
    """By the suffix of the output's name: a video's, ``.zip``, or none for a folder.

    Raises :class:`InvalidParameter` for another, for one that cannot hold what is asked for, for
    options that would do nothing, and where something else has that name. What the run left there
    that this one ``goes_on`` with is no such thing.
    """
    refuse_what_does_nothing(order)
    if path.name in ("", ".."):
        raise InvalidParameter(f"{path}: that is no name for an output.")
    suffix = path.suffix.lower()
    is_numbers = LOOKS[order.look].is_numbers
    if suffix in _CODECS:
        if is_numbers and suffix != _NUMBERS_SUFFIX:
            raise InvalidParameter(
                f"{path.name}: {suffix[1:]} has no place for 16 bits. Depth goes into .mkv (FFV1), "
                ".zip or a folder."
            )
        if order.frames is not FrameFormat.PNG:
            raise InvalidParameter(f"frames: {order.frames} goes into a folder or .zip.")
        _refuse_folder(path)
        return FilmTarget(path, Codec.FFV1 if is_numbers else _CODECS[suffix])
    if not order.sound:
        raise InvalidParameter(f"silent: {path.name} holds no sound.")
    if suffix not in ("", _ZIP):
        known = ", ".join(_CODECS)
        raise InvalidParameter(f"{path.name}: end its name in {known} or .zip, or name a folder.")
    if suffix:
        _refuse_folder(path)
    else:
        _refuse_other_files(path, order, goes_on)
    return FilesTarget(path, order, goes_on)


class FilmTarget:
    """A video file."""

    def __init__(self, path: Path, codec: Codec) -> None:
        self._path, self._codec = path, codec

    def begin(self, part: Path, painter: Painter, timing: Timing) -> PartWriter:
        """See :class:`Target`."""
        return _FilmPart(part / _PART, self._codec, painter, timing)

    def join(self, parts: Sequence[Path], sound: Sound | None, timing: Timing) -> None:
        """See :class:`Target`."""
        import av

        suffix = self._path.suffix.lower()
        options = INDEX_FIRST if suffix in (".mp4", ".m4v", ".mov") else {}
        with (
            _named_when_complete(self._path) as unfinished,
            av.open(address_of(unfinished), "w", options=dict(options)) as output,
        ):
            with av.open(address_of(parts[0] / _PART)) as first:
                stream = output.add_stream_from_template(first.streams.video[0])
                stream.time_base = timing.time_base
            pictures = _pictures(parts, stream, timing)
            heard = iter(()) if sound is None else sound.add_to(output)
            # A file that is played needs both side by side.
            for packet in heapq.merge(pictures, heard, key=_seconds):
                output.mux(packet)


class _FilmPart:
    def __init__(self, path: Path, codec: Codec, painter: Painter, timing: Timing) -> None:
        import av

        self._container = av.open(address_of(path), "w", format="nut")
        self._film = Film(self._container, codec, timing.time_base, timing.rate)
        self._painter = painter

    def add(self, shot: Shot, number: int, time: int) -> None:
        self._film.add(self._painter.paint(shot), time)

    def finish(self) -> None:
        self._film.finish()
        self._container.close()


class FilesTarget:
    """A file a frame, ``000000.png`` and on."""

    def __init__(self, path: Path, order: VideoOrder, goes_on: bool) -> None:
        self._path, self._order, self._goes_on = path, order, goes_on

    def begin(self, part: Path, painter: Painter, timing: Timing) -> PartWriter:
        """See :class:`Target`."""
        return _FilesPart(part, self._order, painter)

    def join(self, parts: Sequence[Path], sound: Sound | None, timing: Timing) -> None:
        """See :class:`Target`."""
        files = [file for part in parts for file in sorted(part.glob("[0-9]*"))]
        with _named_when_complete(self._path) as unfinished:
            if self._path.suffix:
                # Pictures are compressed already.
                with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
                    for file in files:
                        archive.write(file, file.name)
            else:
                unfinished.mkdir()
                for file in files:
                    _link(file, unfinished / file.name)
                # What somebody else has put there meanwhile stays.
                _refuse_other_files(self._path, self._order, self._goes_on)
                _remove(self._path)


class _FilesPart:
    def __init__(self, folder: Path, order: VideoOrder, painter: Painter) -> None:
        self._folder, self._painter = folder, painter
        self._format = _frame_format(order)
        is_numbers = LOOKS[order.look].is_numbers
        self._encode = _NUMBERS[order.frames] if is_numbers else self._encode_picture

    def add(self, shot: Shot, number: int, time: int) -> None:
        (self._folder / f"{number:06}.{self._format}").write_bytes(self._encode(shot))

    def finish(self) -> None:
        pass

    def _encode_picture(self, shot: Shot) -> bytes:
        return png.encode_rgb(np.ascontiguousarray(self._painter.paint(shot)))


def _png(shot: Shot) -> bytes:
    pixels, description = levels(shot.sized(shot.numbers))
    return png.encode_grey16(pixels, description.text())


def _npy(shot: Shot) -> bytes:
    return encode_npy(shot.sized(shot.numbers), EncodeOptions())


def _exr(shot: Shot) -> bytes:
    return encode_exr(shot.sized(shot.numbers), EncodeOptions())


_NUMBERS: dict[FrameFormat, Callable[[Shot], bytes]] = {
    FrameFormat.PNG: _png,
    FrameFormat.NPY: _npy,
    FrameFormat.EXR: _exr,
}


def _pictures(parts: Sequence[Path], stream: AvStream, timing: Timing) -> Iterator[AvPacket]:
    """The packets of all parts in turn, each with its duration; the last one's is a guess."""
    waiting = None
    for packet in _packets(parts):
        if waiting is not None:
            waiting.duration = packet.pts - waiting.pts
            yield waiting
        packet.stream = stream
        waiting = packet
    if waiting is not None:
        waiting.duration = max(1, round(1 / (timing.rate * timing.time_base)))
        yield waiting


def _packets(parts: Sequence[Path]) -> Iterator[AvPacket]:
    import av

    for part in parts:
        with av.open(address_of(part / _PART)) as container:
            for packet in container.demux(video=0):
                if packet.pts is not None:
                    # Our codecs show frames in the order they are coded. Of a few frames seconds
                    # apart FFmpeg does not know it.
                    packet.dts = packet.pts
                    yield packet


def _seconds(packet: AvPacket) -> float:
    return float(packet.dts * packet.time_base)


def _frame_format(order: VideoOrder) -> FrameFormat:
    return order.frames if LOOKS[order.look].is_numbers else FrameFormat.PNG


def _refuse_folder(path: Path) -> None:
    if path.is_dir():
        raise InvalidParameter(f"{path}: there is a folder of that name.")


def _refuse_other_files(folder: Path, order: VideoOrder, goes_on: bool) -> None:
    """Raise :class:`InvalidParameter` where removing ``folder`` would lose more than our frames."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise InvalidParameter(f"{folder}: there is a file of that name.")
    frame = re.compile(rf"[0-9]{{6,}}\.{_frame_format(order)}")
    if folder.is_dir() and not all(
        goes_on and frame.fullmatch(file.name) for file in folder.iterdir()
    ):
        raise InvalidParameter(f"{folder}: there is a folder of that name, with files in it.")


def _link(file: Path, name: Path) -> None:
    try:
        os.link(file, name)
    except OSError:
        # Memory cards know no links.
        shutil.copyfile(file, name)


@contextlib.contextmanager
def _named_when_complete(path: Path) -> Iterator[Path]:
    """Where to write what is then renamed to ``path``, or removed when the block raises."""
    unfinished = path.with_name(f".{path.stem}.unfinished{path.suffix}")
    _remove(unfinished)
    try:
        yield unfinished
        unfinished.replace(path)
    except BaseException:
        _remove(unfinished)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
