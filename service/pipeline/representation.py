"""How a caller wants a depth map: HTTP, the command line and bulk runs write it by this."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from service.geometry.camera import CameraOptions
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import check_limits
from service.imaging.encode import EncodeOptions
from service.imaging.formats import (
    FORMATS,
    OutputFormat,
    check_available,
    check_kind,
    encode,
    writing_bytes_per_pixel,
)
from service.pipeline.depth import Measured


@dataclass(frozen=True)
class Representation:
    """The file's format and its options; ``near`` and ``far`` limit what counts.

    ``known_camera`` is what the caller knows of the camera, for formats that tell it.
    """

    format: OutputFormat
    options: EncodeOptions = field(default_factory=EncodeOptions)
    near: float | None = None
    far: float | None = None
    known_camera: CameraOptions = field(default_factory=CameraOptions)

    @property
    def camera(self) -> CameraOptions | None:
        """:attr:`known_camera`, where the format needs it."""
        return self.known_camera if FORMATS[self.format].needs_camera else None

    def check(self, kind: DepthKind) -> None:
        """Raise :class:`InvalidParameter` for what could not be written, before there is a map.

        ``kind`` is that of the map to be written.
        """
        check_available(self.format)
        check_kind(self.format, kind)
        check_limits(self.near, self.far, kind)
        if self.camera is not None:
            self.camera.check_camera()

    def write(self, found: Measured) -> bytes:
        """The file; raises as :func:`encode` and :meth:`DepthMap.limited`."""
        depth = found.depth.limited(self.near, self.far)
        camera = found.camera
        options = dataclasses.replace(
            self.options,
            facts={} if found.facts is None else {"calibration": found.facts},
            camera_info=None if camera is None else camera.info(depth.width, depth.height),
        )
        return encode(depth, self.format, options)

    def bytes_per_pixel(self, kind: DepthKind, *, in_metres: bool) -> float:
        """Most memory that :meth:`write` takes for each pixel of a large map.

        ``kind`` is the network's; ``in_metres``: it is brought to metres.
        """
        changed = in_metres or self.near is not None or self.far is not None
        return writing_bytes_per_pixel(self.format, kind, self.options, changed=changed)
