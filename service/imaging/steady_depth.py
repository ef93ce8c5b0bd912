"""Depth that does not flicker: the frames of a stream or a clip share one slowly adapting scale.

Relative depth has a scale and a shift of its own in every frame. Each frame is first brought to
the scale of the last one, by mean and deviation of what stood still in between. The ends of the
scale then go a part of the way to the frame's own. Where the picture did not change, what is left
of the flicker is damped by an exponential mean; what moves is shown as it is.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.imaging.depth_map import DepthMap, inverse_values
from service.imaging.render import at_least, central_range, scaled_indices
from service.imaging.still_parts import Look, shifted
from service.imaging.transforms import Rgb

Plane = NDArray[np.float32]

# Correlation of one scene's maps from frame to frame.
_SAME_SCENE = 0.5
# What moves weighs so much beside what stands still when two frames' scales are compared.
_WEIGHT_OF_MOTION = 0.05
# Shares of a picture that change: from where on the camera may have moved, and how much less must
# differ once that is undone.
_CAMERA_MOVED, _FITS_BETTER = 0.25, 0.7
# Steps of nearness that are never damped away: an edge that moved over a plain wall.
_DAMPED_STEP, _KEPT_STEP = 0.04, 0.12


@dataclass(frozen=True)
class SteadyFrame:
    """``nearness`` ``(h, w)`` float32: 0 and 1 are the ends of the scale, values go beyond them.

    ``low`` and ``high`` are those ends among the frame's own :func:`inverse_values`.
    ``starts_scene``: nothing is known of how its numbers compare with those before.
    """

    nearness: Plane
    low: float
    high: float
    starts_scene: bool

    @property
    def indices(self) -> NDArray[np.uint8]:
        """Nearness 0 (far) .. 255 (near), ``(h, w)`` uint8."""
        return scaled_indices(at_least(self.nearness, 0.0), 0.0, 1.0)


@dataclass(frozen=True)
class SceneEnds:
    """Ends of one scene of a clip that was seen before.

    ``first`` is the number of its first frame; ``low`` and ``high`` are in the scale in which that
    frame's own ends are 0 and 1.
    """

    first: int
    low: float
    high: float


@dataclass(frozen=True)
class _Shown:
    nearness: Plane
    look: Look | None


class SteadyDepth:
    """What one stream or clip has shown so far.

    ``adaption``: how much of the way to a frame's own ends (the 2nd and 98th percentile) each
    frame goes, 0..1; 1 is normalisation per frame, 0 keeps the scale of a scene's first frame.
    ``pace``: the same of each pixel that stands still, towards the frame's own value; 1 damps
    nothing. ``scenes`` are the ends of scenes that are known before, and then the only cuts.
    """

    def __init__(
        self,
        adaption: float = 0.1,
        pace: float = 0.2,
        scenes: Sequence[SceneEnds] | None = None,
    ) -> None:
        self._adaption = adaption if scenes is None else 0.0
        self._pace = np.float32(pace)
        self._scenes = None if scenes is None else {scene.first: scene for scene in scenes}
        self._number = 0
        self._shown: _Shown | None = None

    def follow(self, depth: DepthMap, picture: Rgb | None = None) -> SteadyFrame:
        """The next frame; ``picture`` is what ``depth`` is of, ``(h, w, 3)`` uint8 at any size.

        Without a picture nothing is known to stand still, and nothing is damped.
        """
        values = inverse_values(depth.values, depth.kind)
        own = central_range(values)
        values = at_least(values, min(own[0], depth.ends[0]))
        look = None if picture is None else Look.of(picture, (depth.width, depth.height))
        before = self._same_scene(values, look)
        if before is None:
            ends, kept = self._first_ends(own), look
            frame = SteadyFrame(_scaled(values, *ends), *ends, True)
        else:
            frame, kept = self._followed(before, values, own, look)
        self._shown = _Shown(frame.nearness, kept)
        self._number += 1
        return frame

    def state(self) -> dict[str, NDArray[np.generic]]:
        """All that later frames depend on, for :meth:`restore`."""
        state: dict[str, NDArray[np.generic]] = {"number": np.array(self._number)}
        if self._shown is not None:
            state["nearness"] = self._shown.nearness
            if self._shown.look is not None:
                state |= {"grey": self._shown.look.grey, "colours": self._shown.look.colours}
        return state

    def restore(self, state: Mapping[str, NDArray[np.generic]]) -> None:
        """Go on where :meth:`state` was called."""
        self._number = int(state["number"])
        look = Look(_plane(state["grey"]), _plane(state["colours"])) if "grey" in state else None
        self._shown = _Shown(_plane(state["nearness"]), look) if "nearness" in state else None

    def _same_scene(self, values: Plane, look: Look | None) -> _Shown | None:
        """What the last frame showed, if this one is of the same scene."""
        before = self._shown
        if before is None or before.nearness.shape != values.shape:
            return None
        if self._scenes is not None:
            return None if self._number in self._scenes else before
        if look is not None and before.look is not None and not look.is_same_scene(before.look):
            return None
        now, then = values - values.mean(), before.nearness - before.nearness.mean()
        together = float((now * then).mean())
        return before if together > _SAME_SCENE * float(now.std()) * float(then.std()) else None

    def _first_ends(self, own: tuple[float, float]) -> tuple[float, float]:
        """Of a scene's first frame, whose own ends are ``own``."""
        scene = None if self._scenes is None else self._scenes.get(self._number)
        if scene is None:
            return own
        span = own[1] - own[0]
        return own[0] + scene.low * span, own[0] + scene.high * span

    def _followed(
        self, before: _Shown, values: Plane, own: tuple[float, float], look: Look | None
    ) -> tuple[SteadyFrame, Look | None]:
        """A frame of the same scene, and the look that goes with it."""
        before, moved = _after_drift(before, look)
        low, high = _ends_before(before.nearness, values, moved)
        aligned = _scaled(values, low, high)
        own_low, own_high = _scaled(np.array(own, np.float32), low, high).tolist()
        start, end = self._adaption * own_low, 1 + self._adaption * (own_high - 1)
        now, then = _scaled(aligned, start, end), _scaled(before.nearness, start, end)
        ends = (low + start * (high - low), low + end * (high - low))
        if moved is None or look is None or before.look is None:
            return SteadyFrame(now, *ends, False), look
        step = np.abs(now - then)
        jumped = np.clip((step - _DAMPED_STEP) / (_KEPT_STEP - _DAMPED_STEP), 0, 1)
        share = np.maximum(np.maximum(moved, jumped), self._pace)
        damped = then + share * (now - then)
        return SteadyFrame(damped, *ends, False), before.look.followed(look, share)


def _after_drift(before: _Shown, look: Look | None) -> tuple[_Shown, Plane | None]:
    """What was shown, moved with the camera where that fits better, and where ``look`` differs."""
    if look is None or before.look is None:
        return before, None
    moved = look.moved_since(before.look)
    if float(moved.mean()) < _CAMERA_MOVED:
        return before, moved
    drift = look.drift_since(before.look)
    there = before.look.drifted(drift)
    differs = look.moved_since(there)
    if float(differs.mean()) > _FITS_BETTER * float(moved.mean()):
        return before, moved
    return _Shown(shifted(before.nearness, drift), there), differs


def _ends_before(then: Plane, values: Plane, moved: Plane | None) -> tuple[float, float]:
    """What was 0 and 1 in ``then``, in the numbers of ``values``.

    By mean and deviation, of what has not moved where something has not.
    """
    weights = None if moved is None else 1 - (1 - np.float32(_WEIGHT_OF_MOTION)) * moved
    (mean, deviation), (mean_then, deviation_then) = (
        _moments(numbers, weights) for numbers in (values, then)
    )
    gain = deviation / deviation_then if deviation_then > 0 else 0.0
    low = mean - gain * mean_then
    return low, low + gain


def _moments(numbers: Plane, weights: Plane | None) -> tuple[float, float]:
    if weights is None:
        return float(numbers.mean()), float(numbers.std())
    total = float(weights.sum())
    mean = float((weights * numbers).sum()) / total
    return mean, float(np.sqrt(float((weights * (numbers - mean) ** 2).sum()) / total))


def _scaled(values: Plane, low: float, high: float) -> Plane:
    """``low`` becomes 0 and ``high`` 1; all is 0 where there is no range."""
    if not high > low:
        return np.zeros_like(values)
    return (values - np.float32(low)) * np.float32(1 / (high - low))


def _plane(numbers: NDArray[np.generic]) -> Plane:
    return np.asarray(numbers, np.float32)
