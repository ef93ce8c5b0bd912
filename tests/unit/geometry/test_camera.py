from __future__ import annotations

import itertools

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from service.errors import InvalidParameter
from service.geometry.camera import Camera, CameraOptions

sides = st.integers(1, 20_000)


def told(camera: Camera, width: int, height: int) -> str:
    """The intrinsics of what a caller is told, as the parameter takes them."""
    numbers = dict(part.split("=") for part in camera.text(width, height).split("; ")[1:])
    return ",".join(numbers[name] for name in ("fx", "fy", "cx", "cy"))


def assert_taken(options: CameraOptions, width: int, height: int, focal: float = 0) -> None:
    camera = options.camera(width, height, focal)
    sent = told(camera, width, height)
    back = CameraOptions(intrinsics=sent).camera(width, height)
    for name in ("focal_x", "focal_y", "centre_x", "centre_y"):
        assert getattr(back, name) == pytest.approx(getattr(camera, name), rel=1e-6, abs=1e-6)
    assert told(back, width, height) == sent


@given(sides, sides, st.floats(10, 150), st.sampled_from([0, 18, 50, 2000]))
@example(20_000, 15_000, 65, 2000)
def test_a_camera_that_is_answered_is_taken(
    width: int, height: int, fov: float, focal: float
) -> None:
    assert_taken(CameraOptions(fov=fov), width, height)
    assert_taken(CameraOptions(), width, height, focal)


@given(sides, sides, st.floats(0, 1), st.floats(0, 1))
@example(3992, 3992, 0.0, 1.0)
@example(3992, 3000, 1e-9, 1e-5)
def test_intrinsics_that_are_answered_are_taken(
    width: int, height: int, across: float, down: float
) -> None:
    focal = max(width, height)
    text = f"{focal},{focal},{across * (width - 1):.9f},{down * (height - 1):.9f}"
    options = CameraOptions(intrinsics=text)
    try:
        options.camera(width, height)
    except InvalidParameter:
        assume(False)
    assert_taken(options, width, height)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (480, 640), (640, 4)])
def test_both_focal_lengths_are_of_the_photo(width: int, height: int) -> None:
    """By the one of the longer side alone, fy=0.001 was a camera."""
    # Of 1 and 179 degrees across 640 pixels: 36,667 and 2.79.
    fits, too_short, too_long = (2.8, 525, 700, 36_000), (0.001, 2.7), (37_000, 1_000_000)
    for fx, fy in itertools.product((*fits, *too_short, *too_long), repeat=2):
        options = CameraOptions(intrinsics=f"{fx},{fy},2,2")
        if fx in fits and fy in fits:
            assert options.camera(width, height).focal_y == fy / height
        else:
            with pytest.raises(InvalidParameter, match="from 1 to 179 degrees"):
                options.camera(width, height)
