"""Query parameters of the calls that answer with a depth map, and what they say of its file."""

from __future__ import annotations

from pydantic import Field

from service.api.metres import LimitsQuery
from service.api.network_query import NetworkQuery
from service.geometry.camera import CameraOptions
from service.imaging.encode import EncodeOptions, JsonEncoding
from service.imaging.formats import FORMATS, OutputFormat
from service.imaging.render import Colormap, Normalization
from service.pipeline.estimator import Detail, OutputSize
from service.pipeline.offline import OfflineDepth
from service.pipeline.representation import Representation


class DepthJsonQuery(LimitsQuery, NetworkQuery):
    """Query parameters of ``POST /v1/depth.json``."""

    model: str | None = Field(
        None, max_length=64, description="Network, by its name in `/v1/models`."
    )
    size: OutputSize | None = Field(
        None,
        description="`original`: the photo's size (default of images); `network`: the network's "
        "own output size (default of JSON).",
    )
    detail: Detail = Field(
        Detail.NORMAL,
        description="`high` shows the network nine overlapping tiles at twice its resolution, too: "
        "finer edges for ten times its work. `size=network` is then twice as large.",
    )
    encoding: JsonEncoding = Field(
        JsonEncoding.ARRAY, description="How JSON carries the numbers: nested array or base64."
    )


class DepthQuery(DepthJsonQuery, CameraOptions):
    """Query parameters of ``POST /v1/depth``."""

    format: OutputFormat | None = Field(
        None,
        description="; ".join(f"`{name}` {record.summary}" for name, record in FORMATS.items())
        + ". Without it the Accept header decides.",
    )
    colormap: Colormap = Field(Colormap.INFERNO, description="Colours of the heatmap.")
    normalize: Normalization = Field(
        Normalization.MINMAX, description="What the ends of the colour map stand for."
    )
    palette: bool = Field(
        True,
        description="Whether the heatmap's PNG carries its 256 colours as a palette; the same "
        "picture as RGB takes twice the bytes.",
    )

    def representation(self, format: OutputFormat, max_json_pixels: int) -> Representation:
        """How the map is written in this format."""
        return Representation(
            format,
            EncodeOptions(
                *(self.colormap, self.normalize, self.palette, self.encoding), max_json_pixels
            ),
            *(self.near, self.far),
            known_camera=self,
        )

    def offline(self, format: OutputFormat, max_json_pixels: int) -> OfflineDepth:
        """The same without a server."""
        return OfflineDepth(
            self.representation(format, max_json_pixels),
            self.size or OutputSize.default_of(format),
            *(self.metres, self.detail, self.model),
            resolution=self.resolution,
            quality=self.quality,
        )
