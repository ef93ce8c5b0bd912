"""What every way in ends with: a body, and what its caller wants to know of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from service.geometry.metres import Metres
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap


@dataclass(frozen=True)
class DepthFacts:
    """Of a depth map, without its values; of several maps of one answer, what they share.

    ``size`` is its width and height, ``extent`` its smallest and largest value. ``fit`` is the
    intercept and slope of metres, where something made metres of it, and ``calibration`` all facts
    of that fit where they were asked for.
    """

    model: str
    kind: DepthKind
    size: tuple[int, int] | None = None
    extent: tuple[float, float] | None = None
    fit: tuple[float, float] | None = None
    calibration: Mapping[str, Any] | None = None

    @classmethod
    def of(
        cls,
        depth: DepthMap,
        metres: Metres | None = None,
        calibration: Mapping[str, Any] | None = None,
    ) -> DepthFacts:
        """The facts of ``depth``; takes a pass over its values."""
        fit = None if metres is None else metres.fit
        size = (depth.width, depth.height)
        return cls(depth.model, depth.kind, size, depth.reported_extent, fit, calibration)


@dataclass(frozen=True)
class Answer:
    """An encoded result.

    ``batch_size`` is None where no network ran, or several times. ``camera`` is the one that was
    assumed. ``milliseconds`` are those of inference, by network. ``json_bytes`` is the
    length of a body's first part, if binary data follows it. ``file_name`` is what to save it as.
    """

    body: bytes
    media_type: str
    depth: DepthFacts | None = None
    batch_size: int | None = None
    camera: str | None = None
    milliseconds: Mapping[str, float] = field(default_factory=dict)
    json_bytes: int | None = None
    file_name: str | None = None
