"""What moves between two pictures of a stream, and whether they show the same scene at all."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from service.imaging.transforms import Rgb

Plane = NDArray[np.float32]

# Grey levels of 255, of pictures at a network's size: sensors and codecs change less from frame to
# frame, what moves changes more.
_NOISE, _MOTION = 3.0, 9.0
# Depth is soft at edges: what was beside a moving edge is new, too.
_REACH = 9
# A quarter of a frame's colours in common is another scene; flashes of light count as one.
_SAME_COLOURS = 0.4
_BINS = 4
# No grey level.
_UNSEEN = -1e3


def shifted(plane: Plane, drift: tuple[float, float], border: float | None = None) -> Plane:
    """``plane`` ``(h, w)`` by so many pixels to the right and down.

    What comes into view is ``border``, or as what was at the edge.
    """
    height, width = plane.shape
    shift = np.array([[1, 0, drift[0]], [0, 1, drift[1]]])
    mode = cv2.BORDER_REPLICATE if border is None else cv2.BORDER_CONSTANT
    value = 0.0 if border is None else border
    size = (width, height)
    there = cv2.warpAffine(plane, shift, size, borderMode=mode, borderValue=value)
    return np.asarray(there, np.float32)


@dataclass(frozen=True)
class Look:
    """A picture as far as movement is told by it.

    ``grey`` ``(h, w)`` float32, 0..255, smoothed; ``colours`` are the shares of 64 colours.
    """

    grey: Plane
    colours: Plane

    @classmethod
    def of(cls, picture: Rgb, size: tuple[int, int]) -> Look:
        """``picture`` ``(h, w, 3)`` uint8 at ``size`` ``(width, height)``."""
        small = picture
        if picture.shape[1::-1] != size:
            small = np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)
        grey = cv2.GaussianBlur(cv2.cvtColor(small, cv2.COLOR_RGB2GRAY), (3, 3), 0)
        bins, ranges = [_BINS] * 3, [0, 256] * 3
        counts = cv2.calcHist([small], [0, 1, 2], None, bins, ranges).ravel()
        return cls(np.asarray(grey, np.float32), counts / np.float32(counts.sum()))

    def is_same_scene(self, other: Look) -> bool:
        """Whether both have enough colours in common; camera and things may have moved."""
        return float(np.minimum(self.colours, other.colours).sum()) >= _SAME_COLOURS

    def moved_since(self, before: Look) -> Plane:
        """Where the picture changed, 0 (still) .. 1, ``(h, w)`` float32."""
        change = np.abs(self.grey - before.grey)
        moved = np.clip((change - _NOISE) / (_MOTION - _NOISE), 0, 1)
        return np.asarray(cv2.dilate(moved, np.ones((_REACH, _REACH), np.uint8)), np.float32)

    def drift_since(self, before: Look) -> tuple[float, float]:
        """By how many pixels to the right and down the whole picture went, to parts of one.

        By phase correlation (Foroosh et al., "Extension of Phase Correlation to Subpixel
        Registration", 2002), which a camera that pans or shakes a little gives away.
        """
        height, width = self.grey.shape
        window = cv2.createHanningWindow((width, height), cv2.CV_32F)
        # OpenCV 5 leaves the window in what it is given.
        copies = before.grey.copy(), self.grey.copy()
        (right, down), _ = cv2.phaseCorrelate(*copies, window)
        return right, down

    def drifted(self, drift: tuple[float, float]) -> Look:
        """The same after such a movement; what came into view is like nothing."""
        return Look(shifted(self.grey, drift, _UNSEEN), self.colours)

    def followed(self, newer: Look, share: Plane) -> Look:
        """This look with ``share`` (0..1) of the way to ``newer`` gone, pixel by pixel.

        What moves too slowly to be told from noise adds up in the difference until it is.
        """
        return Look(self.grey + share * (newer.grey - self.grey), newer.colours)
