"""Colours of a stream: steadier than per-frame normalisation, and not frozen."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from service.imaging.decode import Photo
from service.imaging.depth_map import DepthMap
from service.imaging.network_input import transform_for_network
from service.imaging.render import heat_indices
from service.imaging.steady_scale import SteadyScale
from service.inference.engines.selection import LoadedNetwork
from tests.support.depths import inverse_depth
from tests.support.photos import photo_pixels

_STEP = 4


def panned(photo: NDArray[np.uint8], network: LoadedNetwork) -> list[DepthMap]:
    """Depth of what a camera sees that pans over a photo, half of it at a time."""
    height, width = photo.shape[0], photo.shape[1] // 2
    rule, depths = network.spec.input_rule, []
    for x in range(0, photo.shape[1] - width, _STEP):
        view = Photo(np.ascontiguousarray(photo[:, x : x + width]), width, height)
        tensor = transform_for_network(view, rule).tensor
        depths.append(inverse_depth(np.asarray(network.engine.infer(tensor[np.newaxis])[0])))
    return depths


def worst_jump(
    depths: list[DepthMap], colour: Callable[[DepthMap], NDArray[np.uint8]], size: tuple[int, int]
) -> float:
    """Largest change, from one frame to the next, of the mean colour index of what both see."""
    frames = [cv2.resize(colour(depth), size).astype(np.float64) for depth in depths]
    return max(
        abs(float((after[:, :-_STEP] - before[:, _STEP:]).mean()))
        for before, after in itertools.pairwise(frames)
    )


@pytest.mark.parametrize("name", ["chelsea.png", "rocket.jpg"])
def test_the_worst_jump_over_a_panned_photo_is_much_smaller(
    embedded: LoadedNetwork, name: str
) -> None:
    photo = photo_pixels(name)
    depths, size = panned(photo, embedded), (photo.shape[1] // 2, photo.shape[0])
    per_frame = worst_jump(depths, heat_indices, size)
    steady = worst_jump(depths, SteadyScale().heat_indices, size)
    print(f"{name}: worst jump of 255: {per_frame:.1f} per frame, {steady:.1f} steady")
    assert steady < 0.5 * per_frame


def test_a_scale_that_changes_from_frame_to_frame_does_not_show() -> None:
    """Relative depth says nothing of its scale: the same scene may come with another each time."""
    scale = SteadyScale()
    map_ = ramp(0, 1) + np.random.default_rng(0).random((40, 60))
    first = scale.heat_indices(inverse_depth(map_)).astype(int)
    for gain, shift in ((3, 0), (0.2, 5), (1, -1)):
        again = scale.heat_indices(inverse_depth(gain * map_ + shift)).astype(int)
        assert np.abs(again - first).max() <= 1


def test_another_scene_starts_with_its_own_ends() -> None:
    scale = SteadyScale()
    scale.heat_indices(inverse_depth(ramp(0, 1)))
    other = inverse_depth(ramp(0, 1).T.reshape(40, 60)[::-1] * 9)
    assert np.array_equal(scale.heat_indices(other), SteadyScale().heat_indices(other))


def test_the_scale_arrives_where_the_scene_stays() -> None:
    scale = SteadyScale()
    scale.heat_indices(inverse_depth(ramp(0, 1)))
    for _ in range(80):
        indices = scale.heat_indices(inverse_depth(ramp(10, 20)))
    assert indices.min() <= 5
    assert indices.max() >= 250


def test_the_first_frame_is_normalised_by_itself() -> None:
    indices = SteadyScale().heat_indices(inverse_depth(ramp(-3, 7)))
    assert (indices.min(), indices.max()) == (0, 255)


def test_a_flat_wall_is_all_far() -> None:
    assert not SteadyScale().heat_indices(inverse_depth(np.full((9, 9), 5.0))).any()


def ramp(low: float, high: float) -> NDArray[np.float64]:
    return np.linspace(low, high, 2400).reshape(40, 60)
