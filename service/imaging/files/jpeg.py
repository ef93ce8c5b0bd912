"""JPEG files by their markers (ITU-T T.81, annex B), without decoding anything."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

from service.errors import UndecodableImage
from service.imaging.files.source import Source

FILLING = bytes(16)
"""Programs fill up with zeros what they have not received; no scan ends in so many."""

# Each scan of a progressive JPEG is a pass over all pixels, and 75 bytes can ask for one. Encoders
# write about 10; a file of 4,000 would keep a thread busy for minutes.
_MAX_SCANS = 100
# Metadata of 64 KB each; what has more is made of them.
_MAX_SEGMENTS = 10_000

# Not the escaped FF, the restarts and the others that stand alone within the data of a scan.
_MARKER = re.compile(rb"\xff[^\x00\x01\xff\xd0-\xd7]")
_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_START_OF_IMAGE, _END_OF_IMAGE = bytes((0xFF, _SOI)), bytes((0xFF, _EOI))
_APP1, _APP2, _COMMENT = 0xE1, 0xE2, 0xFE
# Applications' segments and comments. Of them, JFIF and Adobe say how colours are stored.
_METADATA = frozenset({*range(0xE0, 0xF0), _COMMENT}) - {0xE0, 0xEE}
_EXIF = b"Exif\0\0"
_PROFILE = b"ICC_PROFILE\0"
# Frames that libjpeg decodes: baseline, extended, progressive, and both with arithmetic coding.
_FRAMES = frozenset({0xC0, 0xC1, 0xC2, 0xC9, 0xCA})
_OTHER_FRAMES = {0xC3: "lossless", 0xCB: "lossless", 0xF7: "lossless (JPEG-LS)"} | dict.fromkeys(
    (0xC5, 0xC6, 0xC7, 0xCD, 0xCE, 0xCF), "hierarchical"
)
_BITS = 8
_COMPONENTS = (1, 3, 4)
_COEFFICIENTS = 64
_NOT_YET = 255

# Bits that a decoder reads differently, where it has to read beyond the end.
_TAILS = (bytes(64), b"\xaa" * 64)


@dataclass(frozen=True)
class _Segment:
    """A marker and what belongs to it; of a scan, its header only."""

    marker: int
    start: int
    end: int

    def content(self, data: bytes) -> bytes:
        """What follows its length."""
        return data[self.start + 4 : self.end]


def check_jpeg(data: bytes) -> None:
    """Raise :class:`UndecodableImage` for what no photo has, or what libjpeg does not decode.

    Markers are counted up to the end of the image: phones append videos to their photos.
    """
    scans = 0
    for number, segment in enumerate(_segments(data)):
        scans += segment.marker == _SOS
        if scans > _MAX_SCANS:
            raise UndecodableImage("The JPEG has more scans than any camera or editor writes.")
        if number > _MAX_SEGMENTS:
            raise UndecodableImage("The JPEG has more segments than any camera or editor writes.")
        if segment.marker in _FRAMES or segment.marker in _OTHER_FRAMES:
            _check_frame(segment.marker, segment.content(data))


def strip_jpeg(data: bytes) -> Source:
    """The file without its metadata, and the EXIF and the colour profile that were in it."""
    kept, exif, profile, at = [], b"", [], 0
    for segment in itertools.islice(_segments(data), _MAX_SEGMENTS):
        if segment.marker == _SOS:
            break
        content = segment.content(data)
        if segment.marker == _APP1 and content.startswith(_EXIF) and not exif:
            exif = content.removeprefix(_EXIF)
        if segment.marker == _APP2 and content.startswith(_PROFILE):
            profile.append(content.removeprefix(_PROFILE))
        if segment.marker in _METADATA:
            kept.append(data[at : segment.start])
            at = segment.end
    return Source(b"".join((*kept, data[at:])), exif, _joined(profile))


def ended_in_two_ways(data: bytes) -> list[bytes]:
    """Two files that end, of a JPEG whose end is missing; none of any other.

    Their pixels are the same exactly where the photo's data are all there: what a decoder reads
    beyond them differs.
    """
    if not data.startswith(_START_OF_IMAGE):
        return []
    segments = list(itertools.islice(_segments(data), _MAX_SEGMENTS))
    if segments and segments[-1].marker == _EOI:
        return []
    if not _says_every_coefficient(data, segments):
        return []
    pixels = data.rstrip(b"\0") if data.endswith(FILLING) else data
    return [pixels.rstrip(b"\xff") + tail + _END_OF_IMAGE for tail in _TAILS]


def _segments(data: bytes) -> Iterator[_Segment]:
    """Segments after the start of the image, up to its end or the file's."""
    at = 2
    while found := _MARKER.search(data, at):
        start = found.start()
        marker = data[start + 1]
        length = int.from_bytes(data[start + 2 : start + 4])
        at = start + 2 + (0 if marker == _EOI else max(2, length))
        yield _Segment(marker, start, at)
        if marker in (_SOI, _EOI):
            return


def _check_frame(marker: int, frame: bytes) -> None:
    kind = _OTHER_FRAMES.get(marker)
    if kind is None and frame and frame[0] != _BITS:
        kind = f"{frame[0]}-bit"
    if kind is None and len(frame) > 5 and frame[5] not in _COMPONENTS:
        kind = f"{frame[5]}-channel"
    if kind is not None:
        raise UndecodableImage(
            f"This is a {kind} JPEG, which is not supported; export it as an ordinary (8-bit) one."
        )


def _joined(parts: list[bytes]) -> bytes:
    """A profile from its numbered parts; nothing if one is missing."""
    parts = sorted(part for part in parts if len(part) > 2)
    if [part[0] for part in parts] != list(range(1, len(parts) + 1)):
        return b""
    if any(part[1] != len(parts) for part in parts):
        return b""
    return b"".join(part[2:] for part in parts)


def _says_every_coefficient(data: bytes, segments: list[_Segment]) -> bool:
    """Whether there is a scan of each component's every coefficient down to its last bit."""
    bits_left: dict[int, list[int]] = {}
    for segment in segments:
        content = segment.content(data)
        if segment.marker in _FRAMES:
            bits_left = {number: [_NOT_YET] * _COEFFICIENTS for number in content[6::3]}
        if segment.marker == _SOS and len(content) >= 4:
            first, last, bits = content[-3:]
            for number in content[1:-3:2]:
                left = bits_left.get(number, [])
                left[first : last + 1] = [bits & 15] * len(left[first : last + 1])
    return bool(bits_left) and not any(any(left) for left in bits_left.values())
