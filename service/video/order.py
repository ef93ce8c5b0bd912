"""What is to be made of a clip."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from service.effects.stereo import StereoLayout
from service.geometry.metres import MetresOptions
from service.imaging.render import Colormap
from service.models.choice import NetworkChoice
from service.video.clip import Span


class Look(StrEnum):
    """What a frame becomes."""

    HEATMAP = "heatmap"
    GREY = "grey"
    SIDE_BY_SIDE = "side-by-side"
    DEPTH = "depth"
    STEREO = "stereo"
    PORTRAIT = "portrait"


class Scale(StrEnum):
    """What the ends of the colours, and of the numbers, follow."""

    ADAPTIVE = "adaptive"
    """Each frame, a tenth of the way."""
    GLOBAL = "global"
    """The whole of each scene, which a first pass looks at."""


class FrameFormat(StrEnum):
    """Files of a sequence, one a frame."""

    PNG = "png"
    NPY = "npy"
    EXR = "exr"


@dataclass(frozen=True)
class VideoOrder:
    """Everything but where from and where to.

    ``frames`` is the format of depth in a folder or ZIP. With ``metres`` depth is in metres, by
    points in the first frame. ``frames_a_part``: so many frames are done at once by a run that
    goes on where another ended.
    """

    look: Look = Look.HEATMAP
    colormap: Colormap = Colormap.INFERNO
    layout: StereoLayout = StereoLayout.ANAGLYPH
    frames: FrameFormat = FrameFormat.PNG
    scale: Scale = Scale.ADAPTIVE
    span: Span = field(default_factory=Span)
    metres: MetresOptions = field(default_factory=MetresOptions)
    network: NetworkChoice = field(default_factory=NetworkChoice)
    sound: bool = True
    frames_a_part: int = 240
