"""A pinhole camera: which way every place of a photo looks."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.errors import InvalidParameter
from service.imaging.options import Options, parse_numbers, ranged, written
from service.imaging.transforms import DepthArray

DEFAULT_FOV = 65.0
"""Field of view across the longer side in degrees where nothing tells it: about a phone's."""

SMALLEST_FOV, LARGEST_FOV = 1.0, 179.0

_PIXELS = r"-?[0-9]{1,7}(?:\.[0-9]{1,9})?"
INTRINSICS = re.compile(f"{_PIXELS},{_PIXELS},{_PIXELS},{_PIXELS}")
_INTRINSICS_FORM = "fx,fy,cx,cy in pixels of the upright photo"

# Of the frame whose focal length EXIF's FocalLengthIn35mmFilm is (CIPA DC-008, tag 41989).
_FILM_MILLIMETRES = 36.0


class CameraSource(StrEnum):
    """What tells a camera's field of view."""

    FOV = "fov"
    INTRINSICS = "intrinsics"
    EXIF = "exif"
    DEFAULT = "default"


@dataclass(frozen=True)
class Camera:
    """A pinhole camera at the origin that looks along -z, for a photo of any size.

    ``focal_x`` and ``focal_y``: focal lengths as shares of the photo's width and height.
    ``centre_x`` and ``centre_y``: where its axis meets the photo, 0..1 from the top left corner.
    ``source`` is what tells them.
    """

    focal_x: float
    focal_y: float
    centre_x: float = 0.5
    centre_y: float = 0.5
    source: CameraSource = CameraSource.DEFAULT

    def rays(
        self, across: NDArray[np.floating], down: NDArray[np.floating]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Steps to the right and up for each step ahead, of places 0..1 ``(w,)`` and ``(h,)``."""
        right = (across - self.centre_x) / self.focal_x
        up = (self.centre_y - down) / self.focal_y
        return right.astype(np.float32), up.astype(np.float32)

    def text(self, width: int, height: int) -> str:
        """What a caller is told of it: pixels of a photo of this size, and where they are from.

        ``intrinsics`` takes each number as it is written here.
        """
        numbers = {
            "fov": self.fov(width, height),
            "fx": self.focal_x * width,
            "fy": self.focal_y * height,
            "cx": self.centre_x * width - 0.5,
            "cy": self.centre_y * height - 0.5,
        }
        return "; ".join(
            [self.source, *(f"{name}={_written(value)}" for name, value in numbers.items())]
        )

    def info(self, width: int, height: int) -> dict[str, object]:
        """ROS's ``sensor_msgs/CameraInfo`` for pictures of this size, without a header.

        The photo is taken for rectified: no distortion, R the identity, P the matrix K. Pixel
        (0, 0) is the centre of the top left one.
        """
        fx, fy = self.focal_x * width, self.focal_y * height
        cx, cy = self.centre_x * width - 0.5, self.centre_y * height - 0.5
        return {
            "height": height,
            "width": width,
            "distortion_model": "plumb_bob",
            "d": [0.0] * 5,
            "k": [fx, 0.0, cx, 0.0, fy, cy, 0.0, 0.0, 1.0],
            "r": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
            "p": [fx, 0.0, cx, 0.0, 0.0, fy, cy, 0.0, 0.0, 0.0, 1.0, 0.0],
        }

    def fov(self, width: int, height: int) -> float:
        """Degrees across the longer side of a photo of this shape."""
        focal = self.focal_x if width >= height else self.focal_y
        return math.degrees(2 * math.atan(0.5 / focal))


class CameraOptions(Options):
    """What a caller knows of the camera."""

    fov: float = ranged(
        DEFAULT_FOV,
        10,
        150,
        "Field of view across the photo's longer side in degrees. Default: by the intrinsics, else "
        f"by EXIF's focal length as on 35 mm film, else {DEFAULT_FOV:g}, as a phone's.",
    )
    intrinsics: str | None = written(None, INTRINSICS, _INTRINSICS_FORM, "525,525,319.5,239.5")

    @property
    def known_camera(self) -> CameraOptions:
        """What is given of these alone, where others are given with them."""
        own = self.model_fields_set & CameraOptions.model_fields.keys()
        return CameraOptions(**{name: getattr(self, name) for name in own})

    def __repr_args__(self) -> Iterable[tuple[str | None, Any]]:
        """As pydantic's; not a field of view that was not given, which is not its default."""
        shown = super().__repr_args__()
        return [one for one in shown if one[0] != "fov" or "fov" in self.model_fields_set]

    def check_camera(self) -> None:
        """Raise :class:`InvalidParameter` for what is no camera of any photo."""
        if self.intrinsics is None:
            return
        if "fov" in self.model_fields_set:
            raise InvalidParameter("Give either fov or intrinsics, not both.")
        fx, fy, _, _ = parse_numbers(self.intrinsics)
        _check_focal_lengths(fx, fy)

    def camera(self, width: int, height: int, focal_millimetres: float = 0) -> Camera:
        """The camera of an upright photo of this size, with EXIF's focal length; 0 is none.

        Raises :class:`InvalidParameter` as :meth:`check_camera`, and for intrinsics of another
        photo.
        """
        self.check_camera()
        if self.intrinsics is not None:
            fx, fy, cx, cy = parse_numbers(self.intrinsics)
            return camera_of_intrinsics((fx, fy, cx, cy), width, height)
        if "fov" in self.model_fields_set:
            return camera_of_fov(width, height, self.fov, CameraSource.FOV)
        fov = fov_of_focal_length(focal_millimetres)
        if fov is not None:
            return camera_of_fov(width, height, fov, CameraSource.EXIF)
        return camera_of_fov(width, height, DEFAULT_FOV)


def _written(value: float) -> str:
    # Not by 9 significant digits: of what rounding leaves of 0 they need an exponent.
    return f"{round(value, 9) + 0.0:.9f}".rstrip("0").rstrip(".")


def camera_of_fov(
    width: int, height: int, fov: float, source: CameraSource = CameraSource.DEFAULT
) -> Camera:
    """The camera of a photo that spans ``fov`` degrees across its longer side."""
    focal = max(width, height) / 2 / math.tan(math.radians(fov) / 2)
    return Camera(focal / width, focal / height, source=source)


def fov_of_focal_length(millimetres: float) -> float | None:
    """Degrees across the longer side, by EXIF's 35 mm equivalent; None if that cannot be."""
    if not millimetres > 0:
        return None
    fov = math.degrees(2 * math.atan(_FILM_MILLIMETRES / 2 / millimetres))
    return fov if SMALLEST_FOV <= fov <= LARGEST_FOV else None


def camera_of_intrinsics(
    intrinsics: tuple[float, float, float, float], width: int, height: int
) -> Camera:
    """The camera with ``(fx, fy, cx, cy)`` in pixels of an upright photo of this size.

    Pixel (0, 0) is the centre of the top left pixel, as in OpenCV and ROS. Raises
    :class:`InvalidParameter` for those of a photo of another size: whose axis lies outside of it,
    or of which either focal length sees less than 1 or more than 179 degrees across the longer side
    (across the shorter one, a panorama may see less).
    """
    fx, fy, cx, cy = intrinsics
    _check_focal_lengths(fx, fy)
    centre = (cx + 0.5) / width, (cy + 0.5) / height
    camera = Camera(fx / width, fy / height, *centre, CameraSource.INTRINSICS)
    inside = 0 <= camera.centre_x <= 1 and 0 <= camera.centre_y <= 1
    longer = max(width, height)
    spans = [math.degrees(2 * math.atan(0.5 * longer / focal)) for focal in (fx, fy)]
    if not (inside and SMALLEST_FOV <= min(spans) <= max(spans) <= LARGEST_FOV):
        raise InvalidParameter(
            f"intrinsics: they are not of this photo, which is {width}x{height} pixels upright: "
            "cx and cy must lie in it, and it must span from 1 to 179 degrees."
        )
    return camera


def _check_focal_lengths(fx: float, fy: float) -> None:
    if not (fx > 0 and fy > 0 and math.isfinite(fx) and math.isfinite(fy)):
        raise InvalidParameter("intrinsics: fx and fy must be above 0.")


def unproject(
    distance: DepthArray, right: NDArray[np.float32], up: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Points ``(h, w, 3)`` float32 at ``distance`` ``(h, w)`` along the axis, by :meth:`rays`.

    x points right, y up and -z ahead (the convention of OpenGL and glTF); units are those of
    ``distance``.
    """
    points = np.empty((*distance.shape, 3), np.float32)
    np.multiply(distance, right, out=points[..., 0])
    np.multiply(distance, up[:, np.newaxis], out=points[..., 1])
    np.negative(distance, out=points[..., 2])
    return points
