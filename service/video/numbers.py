"""Steady depth as numbers: in one scale from frame to frame, or in metres."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.geometry.metres import Metres, MetresOptions, metres_of
from service.imaging.depth_description import DepthDescription
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.steady_depth import SteadyFrame
from service.models.spec import NetworkSpec

# Of 16 bits: nearness beyond the ends of the scale, which are percentiles, has room, too.
_LOW, _HIGH = -0.25, 1.25
_LEVELS = 65535
_LEVELS_A_METRE = 1000


class DepthNumbers:
    """Depth maps of a clip's frames.

    Of relative depth, nearness in the clip's scale; of metric networks metres, and with points of
    known distance in the first frame, too. A cut ends what those points say: after it nothing has
    a reading.
    """

    def __init__(self, spec: NetworkSpec, options: MetresOptions) -> None:
        self._spec, self._options = spec, options
        self._metres: Metres | None = None
        self._is_lost = False

    @property
    def is_lost(self) -> bool:
        """Whether a cut has ended what is known of metres."""
        return self._is_lost

    def depth(self, frame: SteadyFrame) -> DepthMap:
        """The map at the network's size; raises as :func:`metres_of` for the first frame."""
        own = self._own(frame)
        if not self._options.wanted:
            return own
        if self._metres is None:
            self._metres = metres_of(own, self._options)
        elif frame.starts_scene and own.kind is not DepthKind.METRIC_DEPTH:
            self._is_lost = True
        metres = self._metres.apply(own)
        return metres.replaced(np.full_like(own.values, np.nan)) if self._is_lost else metres

    def near(self, frame: SteadyFrame) -> DepthMap:
        """The same as nearness, with the ends of the scale as limits: for effects."""
        kind = DepthKind.RELATIVE_INVERSE_DEPTH
        return DepthMap(frame.nearness, kind, self._spec.name, self._spec.enlarge, 1.0, 0.0)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """What later frames depend on."""
        if self._metres is None:
            return {}
        fit = [self._metres.intercept, self._metres.slope, float(self._is_lost)]
        return {"metres": np.array(fit)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where :meth:`state` was called."""
        if "metres" in state:
            intercept, slope, lost = state["metres"].tolist()
            self._metres, self._is_lost = Metres(self._spec.kind, intercept, slope), bool(lost)

    def _own(self, frame: SteadyFrame) -> DepthMap:
        """In the network's kind of depth, relative ones with the clip's scale."""
        values, kind = frame.nearness, self._spec.kind
        if kind is DepthKind.RELATIVE_DEPTH:
            values = -values
        elif kind is DepthKind.METRIC_DEPTH:
            inverse = frame.low + values * np.float32(frame.high - frame.low)
            values = 1 / np.maximum(inverse, np.float32(1e-6))
        return DepthMap(values.astype(np.float32), kind, self._spec.name, self._spec.enlarge)


def levels(depth: DepthMap) -> tuple[NDArray[np.uint16], DepthDescription]:
    """16-bit levels ``(h, w)`` of :meth:`DepthNumbers.depth`, and what they mean for every frame.

    Metres are millimetres, 0 without a reading, 65535 from there on. Else
    ``value = -0.25 + level / 65535 * 1.5``, of which 0..1 is the clip's scale.
    """
    if depth.kind is DepthKind.METRIC_DEPTH:
        far = _LEVELS / _LEVELS_A_METRE
        whole = np.nan_to_num(depth.values * _LEVELS_A_METRE, nan=0, posinf=_LEVELS)
        description = DepthDescription(depth.kind, 0.0, far, depth.model, 0, far)
    else:
        whole = (depth.values - np.float32(_LOW)) * np.float32(_LEVELS / (_HIGH - _LOW))
        description = DepthDescription(depth.kind, _LOW, _HIGH, depth.model)
    return np.clip(np.rint(whole), 0, _LEVELS).astype(np.uint16), description
