"""A frame and its depth as a picture, a record for each look."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.effects.portrait import FocusRange, PortraitOptions, blur_background
from service.effects.stereo import StereoOptions, stereo_picture
from service.imaging.depth_map import DepthMap
from service.imaging.film import Picture
from service.imaging.options import refuse_unread
from service.imaging.render import Colormap, heat_indices, palette
from service.imaging.transforms import Rgb
from service.video.numbers import levels
from service.video.order import Look, VideoOrder

# Of the way to a frame's own focus, as far as each frame goes.
_FOCUS_PACE = 0.05
_LONGEST_SIDE = 4096


@dataclass(frozen=True)
class Shot:
    """A frame's ``pixels`` ``(h, w, 3)`` and its depth at the network's size.

    ``near`` is nearness within the scale's ends, ``numbers`` what is written as numbers.
    """

    pixels: Rgb
    near: DepthMap
    numbers: DepthMap
    starts_scene: bool

    def sized(self, depth: DepthMap) -> DepthMap:
        """``depth`` at the frame's size."""
        return depth.resized(self.pixels.shape[1], self.pixels.shape[0])


class Painter:
    """Makes the pictures of one clip."""

    def __init__(self, order: VideoOrder) -> None:
        self._order = order
        self._paint = LOOKS[order.look].paint
        self._focus: FocusRange | None = None

    def paint(self, shot: Shot) -> Picture:
        """``(h, w, 3)`` uint8 RGB, or ``(h, w)`` uint16 of depth."""
        if shot.starts_scene:
            self._focus = None
        return self._paint(self, shot)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """What later pictures depend on."""
        return {} if self._focus is None else {"focus": np.array(self._focus)}

    def restore(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on where :meth:`state` was called."""
        if "focus" in state:
            low, high = state["focus"].tolist()
            self._focus = (low, high)

    def heatmap(self, shot: Shot) -> Rgb:
        """In the order's colours."""
        return self._coloured(shot, self._order.colormap)

    def grey(self, shot: Shot) -> Rgb:
        """Near is white."""
        return self._coloured(shot, Colormap.GRAY)

    def side_by_side(self, shot: Shot) -> Rgb:
        """The frame, and its heatmap to the right."""
        return np.concatenate((shot.pixels, self.heatmap(shot)), axis=1)

    def depth(self, shot: Shot) -> NDArray[np.uint16]:
        """16-bit levels."""
        return levels(shot.sized(shot.numbers))[0]

    def stereo(self, shot: Shot) -> Rgb:
        """For two eyes."""
        options = StereoOptions(layout=self._order.layout, max_side=_LONGEST_SIDE)
        return stereo_picture(shot.pixels, shot.near, options)

    def portrait(self, shot: Shot) -> Rgb:
        """The background blurred, with a focus that changes slowly."""
        options = PortraitOptions(max_side=_LONGEST_SIDE)
        return blur_background(shot.pixels, shot.near, options, self._hold)

    def _coloured(self, shot: Shot, colormap: Colormap) -> Rgb:
        colours = np.frombuffer(palette(colormap), np.uint8).reshape(256, 3)
        return colours[heat_indices(shot.sized(shot.near))]

    def _hold(self, focus: FocusRange) -> FocusRange:
        low, high = focus
        if self._focus is not None:
            low = self._focus[0] + _FOCUS_PACE * (low - self._focus[0])
            high = self._focus[1] + _FOCUS_PACE * (high - self._focus[1])
        self._focus = (low, high)
        return self._focus


@dataclass(frozen=True)
class LookRecord:
    """``summary`` completes "`name` ...". ``is_numbers``: pictures would lose what it is for.

    ``option`` is the one of an order that is of such looks alone.
    """

    summary: str
    paint: Callable[[Painter, Shot], Picture]
    option: str | None = None
    is_numbers: bool = False


LOOKS = {
    Look.HEATMAP: LookRecord("colours, near is bright", Painter.heatmap, "colormap"),
    Look.GREY: LookRecord("grey, near is white", Painter.grey),
    Look.SIDE_BY_SIDE: LookRecord("the clip and its heatmap", Painter.side_by_side, "colormap"),
    Look.DEPTH: LookRecord("16-bit or float numbers", Painter.depth, "frames", is_numbers=True),
    Look.STEREO: LookRecord("for two eyes", Painter.stereo, "layout"),
    Look.PORTRAIT: LookRecord("the background blurred", Painter.portrait),
}


def refuse_what_does_nothing(order: VideoOrder) -> None:
    """Raise :class:`InvalidParameter` for an option of another look than the order's."""
    usual = VideoOrder()
    readers = {
        option: [look for look, record in LOOKS.items() if record.option == option]
        for option in filter(None, (record.option for record in LOOKS.values()))
    }
    given = [name for name in readers if getattr(order, name) != getattr(usual, name)]
    refuse_unread(given, [order.look], readers)
