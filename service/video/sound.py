"""A clip's sound beside new pictures: the same packets where the file takes them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from service.imaging.film import AvContainer, AvFrame, AvPacket, AvStream
from service.video.clip import open_clip

# What is written where a kind of file does not take the clip's own codec.
_INSTEAD = {"webm": "libopus"}
_OTHERWISE = "aac"
_RATE = 48000
# In samples: containers round times, and 20 ms early or late nobody notices.
_UNHEARD = 960


class Sound:
    """The first track of a clip, from ``start`` to ``end`` in its time, in seconds."""

    def __init__(self, clip: Path, start: float, end: float) -> None:
        self._container = open_clip(clip)
        self._start, self._end = start, end
        self._track: AvStream = next(iter(self._container.streams.audio), None)

    def __enter__(self) -> Sound:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def add_to(self, output: AvContainer) -> Iterator[AvPacket]:
        """Packets for ``output``, in which their track begins now, from time 0 on."""
        track = self._track
        # Without a codec nobody can tell what it is: encrypted, or of a kind that is not read.
        if track is None or track.codec_context is None:
            return iter(())
        if _takes(output, track):
            return self._copied(output.add_stream_from_template(track))
        codec = _INSTEAD.get(output.format.name, _OTHERWISE)
        # By the number: of PCM no file says what its channels are.
        layout = "mono" if track.layout.nb_channels == 1 else "stereo"
        return self._encoded(output.add_stream(codec, rate=_RATE, layout=layout))

    def _packets(self) -> Iterator[AvPacket]:
        import av

        packets = self._container.demux(self._track)
        while True:
            try:
                packet = next(packets)
            except (StopIteration, av.FFmpegError):
                return
            if packet.pts is None:
                continue
            time = float(packet.pts * packet.time_base)
            if time >= self._end:
                return
            if time >= self._start:
                yield packet

    def _copied(self, stream: AvStream) -> Iterator[AvPacket]:
        for packet in self._packets():
            packet.pts -= round(self._start / packet.time_base)
            packet.dts = packet.pts
            packet.stream = stream
            yield packet

    def _encoded(self, stream: AvStream) -> Iterator[AvPacket]:
        import av

        track = _Track(stream)
        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                yield from track.add(frame, self._start)
        yield from track.finish()


def _takes(output: AvContainer, track: AvStream) -> bool:
    codec = track.codec_context.codec
    if codec.name.startswith("pcm_") and output.format.name != "matroska":
        # Others put its samples one behind the other, whatever is missing in between.
        return False
    return not output.supported_codecs.isdisjoint({codec.name, codec.canonical_name})


class _Track:
    """Sound without a gap, encoded: silence stands for what the clip does not have."""

    def __init__(self, stream: AvStream) -> None:
        import av

        self._stream, self._coding = stream, stream.codec_context
        # Before it is opened, an encoder does not know how much it takes at once.
        self._coding.open(strict=False)
        self._resampler = av.AudioResampler(self._coding.format, self._coding.layout, _RATE)
        self._fifo = av.AudioFifo()
        self._written = 0

    def add(self, frame: AvFrame, start: float) -> Iterator[AvPacket]:
        """What is heard at the frame's own time, which counts from ``start``."""
        if frame.time is not None:
            yield from self._silent_until(round((frame.time - start) * _RATE))
        frame.pts = None
        for piece in self._resampler.resample(frame):
            self._write(piece)
        yield from self._ready(at_end=False)

    def finish(self) -> Iterator[AvPacket]:
        """What the encoder still holds."""
        yield from self._ready(at_end=True)
        yield from self._stream.encode()

    def _silent_until(self, sample: int) -> Iterator[AvPacket]:
        import av

        while sample - self._written > _UNHEARD:
            samples = min(sample - self._written, _RATE)
            silence = av.AudioFrame(self._coding.format.name, self._coding.layout.name, samples)
            for plane in silence.planes:
                plane.update(bytes(plane.buffer_size))
            silence.sample_rate = _RATE
            self._write(silence)
            yield from self._ready(at_end=False)

    def _write(self, piece: AvFrame) -> None:
        piece.pts, piece.time_base = None, Fraction(1, _RATE)
        self._written += piece.samples
        self._fifo.write(piece)

    def _ready(self, at_end: bool) -> Iterator[AvPacket]:
        while (piece := self._fifo.read(self._coding.frame_size, partial=at_end)) is not None:
            yield from self._stream.encode(piece)
