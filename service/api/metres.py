"""What turns one photo's depth into metres, as a caller asks for it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from service.geometry.calibration import MAX_ANCHORS
from service.geometry.metres import MetresOptions
from service.imaging.depth_map import MAX_METRES
from service.imaging.options import SHARE, Options, parse_numbers, ranged, written
from service.imaging.uploaded_depth import LARGEST_VALUE

_METRES = r"(?:[0-9]{1,4}(?:\.[0-9]{1,6})?|\.[0-9]{1,6})"
_ANCHOR = f"{SHARE},{SHARE},{_METRES}"
ANCHORS = re.compile(f"{_ANCHOR}(?:;{_ANCHOR}){{1,{MAX_ANCHORS - 1}}}")
_ANCHORS_FORM = (
    f"x,y,metres of 2 to {MAX_ANCHORS} points with semicolons between them: x and y as shares "
    f"from 0 to 1 of the photo, metres from 0.01 to {MAX_METRES:g}"
)

# Any double as Python, JavaScript or C writes it; whether it is too large, the fit's check says.
_REAL = r"-?[0-9]{1,21}(?:\.[0-9]{1,24})?(?:[eE][+-]?[0-9]{1,3})?"
_CALIBRATION = re.compile(f"{_REAL},{_REAL}")
_CALIBRATION_FORM = (
    "intercept,slope of an earlier answer's calibration, for another photo of that scene"
)


class MetresQuery(Options):
    """What turns relative depth into metres."""

    needs: ClassVar[Mapping[str, str]] = {"measuring_error": "anchors"}

    anchors: str | None = written(None, ANCHORS, _ANCHORS_FORM, "0.5,0.9,0.6;0.5,0.1,3")
    measuring_error: float = ranged(
        0.05, 0.001, 0.5, "How exactly the anchors are known: a standard deviation as a share."
    )
    calibration: str | None = written(None, _CALIBRATION, _CALIBRATION_FORM, "0.2077,1.8686")

    @property
    def metres(self) -> MetresOptions:
        """The parameters as the work takes them."""
        anchors = []
        for anchor in (self.anchors or "").split(";"):
            if anchor:
                x, y, metres = parse_numbers(anchor)
                anchors.append((x, y, metres))
        calibration = None
        if self.calibration is not None:
            intercept, slope = parse_numbers(self.calibration)
            calibration = intercept, slope
        return MetresOptions(tuple(anchors), calibration, self.measuring_error)


class LimitsQuery(MetresQuery):
    """Metres, and what of them counts."""

    near: float | None = ranged(
        None,
        -LARGEST_VALUE,
        LARGEST_VALUE,
        "Nearest depth that counts, in the map's unit: metres, once something tells them. What is "
        "nearer is no point of a surface, and as near as that in a picture; files of numbers keep "
        "every reading.",
    )
    far: float | None = ranged(
        None, -LARGEST_VALUE, LARGEST_VALUE, "Farthest depth that counts, as `near`."
    )
