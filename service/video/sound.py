"""A clip's sound beside new pictures: the same packets where the file takes them."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

from service.imaging.film import AvContainer, AvPacket, AvStream
from service.video.clip import open_clip

# What is written where a kind of file does not take the clip's own codec.
_INSTEAD = {"webm": "libopus"}
_OTHERWISE = "aac"
_RATE = 48000


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
        if track.codec_context.codec.name in output.supported_codecs or (
            track.codec_context.codec.canonical_name in output.supported_codecs
        ):
            return self._copied(output.add_stream_from_template(track))
        codec = _INSTEAD.get(output.format.name, _OTHERWISE)
        layout = track.layout.name if track.layout.nb_channels <= 2 else "stereo"
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

        coding = stream.codec_context
        resampler, fifo = av.AudioResampler(coding.format, coding.layout, _RATE), av.AudioFifo()

        def ready(at_end: bool) -> Iterator[AvPacket]:
            # Before it is opened, an encoder does not know how much it takes at once.
            coding.open(strict=False)
            while (piece := fifo.read(coding.frame_size, partial=at_end)) is not None:
                yield from stream.encode(piece)

        for packet in self._packets():
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                frame.pts = None
                for piece in resampler.resample(frame):
                    piece.pts, piece.time_base = None, Fraction(1, _RATE)
                    fifo.write(piece)
            yield from ready(at_end=False)
        yield from ready(at_end=True)
        yield from stream.encode()
