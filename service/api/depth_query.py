"""Query parameters of the calls that answer with a depth map, and what they say of its file."""

from __future__ import annotations

import dataclasses

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from service.api.metres import LimitsQuery
from service.api.network_query import NetworkQuery
from service.geometry.camera import CameraOptions
from service.imaging.encode import EncodeOptions, JsonEncoding
from service.imaging.formats import FORMATS, OutputFormat
from service.imaging.options import Options, ranged
from service.imaging.render import CENTRAL, Colormap, Normalization
from service.imaging.tiles import WORTHWHILE
from service.pipeline.estimator import Detail, OutputSize
from service.pipeline.offline import OfflineDepth
from service.pipeline.representation import Representation


class DepthJsonQuery(LimitsQuery, NetworkQuery):
    """Query parameters of ``POST /v1/depth.json``."""

    size: OutputSize | None = Field(
        None,
        description="`original`: the photo's size (default of images); `network`: the network's "
        "own output size (default of JSON).",
    )
    detail: Detail = Field(
        Detail.NORMAL,
        description="`high` shows the network nine overlapping tiles at twice its resolution, too: "
        "finer edges for ten times its work. `size=network` is then twice as large. A photo of at "
        f"most {WORTHWHILE:g} times the pixels that the network is shown has no more detail, and "
        "is answered as with `normal`, at the same size.",
    )
    encoding: JsonEncoding = Field(
        JsonEncoding.ARRAY, description="How JSON carries the numbers: nested array or base64."
    )


class PictureQuery(Options):
    """How a depth map becomes a picture."""

    colormap: Colormap = Field(Colormap.INFERNO, description="Colours of the heatmap.")
    normalize: Normalization = Field(
        Normalization.MINMAX,
        description="What the ends of the colour map stand for: `minmax`, the farthest and the "
        "nearest pixel, or `percentile`, those of `low` and `high`.",
    )
    low: float = ranged(
        CENTRAL[0], 0, 100, "With `percentile`: share of pixels below the far end, in percent."
    )
    high: float = ranged(
        CENTRAL[1], 0, 100, "With `percentile`: share of pixels below the near end, in percent."
    )
    invert: bool = Field(
        False,
        description="Whether colours of the heatmap and levels of `depth16` run the other way: "
        "near is black in what was bright. `Depth-Min` in the text of `depth16` is then the "
        "larger; the headers stay the smallest and the largest value.",
    )
    palette: bool = Field(
        True,
        description="Whether the heatmap's PNG carries its 256 colours as a palette; the same "
        "picture as RGB takes twice the bytes.",
    )

    @model_validator(mode="after")
    def _ends(self) -> PictureQuery:
        # Forms send every default along.
        if (self.low, self.high) != CENTRAL and self.normalize is not Normalization.PERCENTILE:
            raise PydanticCustomError("unused", "low and high need normalize=percentile")
        if not self.low < self.high:
            raise PydanticCustomError("order", "low must be below high")
        return self

    @property
    def picture_options(self) -> EncodeOptions:
        """The parameters as the writers take them."""
        return EncodeOptions(
            self.colormap,
            self.normalize,
            (self.low, self.high),
            self.invert,
            self.palette,
        )


class DepthQuery(DepthJsonQuery, PictureQuery, CameraOptions):
    """Query parameters of ``POST /v1/depth``."""

    format: OutputFormat | None = Field(
        None,
        description="; ".join(f"`{name}` {record.summary}" for name, record in FORMATS.items())
        + ". Without it the Accept header decides.",
    )

    @model_validator(mode="after")
    def _ends_said_once(self) -> DepthQuery:
        limits = [name for name in ("near", "far") if getattr(self, name) is not None]
        if limits and self.normalize is Normalization.PERCENTILE:
            raise PydanticCustomError(
                "contradiction",
                "{limits} or normalize=percentile, not both: each says what the ends of the "
                "colours stand for",
                {"limits": " and ".join(limits)},
            )
        return self

    def representation(self, format: OutputFormat, max_json_pixels: int) -> Representation:
        """How the map is written in this format."""
        return Representation(
            format,
            dataclasses.replace(
                self.picture_options, encoding=self.encoding, max_json_pixels=max_json_pixels
            ),
            *(self.near, self.far),
            known_camera=self.known_camera,
        )

    def offline(self, format: OutputFormat, max_json_pixels: int) -> OfflineDepth:
        """The same without a server."""
        return OfflineDepth(
            self.representation(format, max_json_pixels),
            self.size or OutputSize.default_of(format),
            *(self.metres, self.detail, self.choice),
        )
