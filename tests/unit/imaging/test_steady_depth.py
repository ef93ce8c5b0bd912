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
from service.imaging.steady_depth import SceneEnds, SteadyDepth
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


def steady_indices() -> Callable[[DepthMap], NDArray[np.uint8]]:
    steady = SteadyDepth()
    return lambda depth: steady.follow(depth).indices


@pytest.mark.parametrize("name", ["chelsea.png", "rocket.jpg"])
def test_the_worst_jump_over_a_panned_photo_is_much_smaller(
    embedded: LoadedNetwork, name: str
) -> None:
    photo = photo_pixels(name)
    depths, size = panned(photo, embedded), (photo.shape[1] // 2, photo.shape[0])
    per_frame = worst_jump(depths, heat_indices, size)
    steady = worst_jump(depths, steady_indices(), size)
    print(f"{name}: worst jump of 255: {per_frame:.1f} per frame, {steady:.1f} steady")
    assert steady < 0.5 * per_frame


def test_a_scale_that_changes_from_frame_to_frame_does_not_show() -> None:
    """Relative depth says nothing of its scale: the same scene may come with another each time."""
    scale = SteadyDepth()
    map_ = ramp(0, 1) + np.random.default_rng(0).random((40, 60))
    first = scale.follow(inverse_depth(map_)).indices.astype(int)
    for gain, shift in ((3, 0), (0.2, 5), (1, -1)):
        again = scale.follow(inverse_depth(gain * map_ + shift)).indices.astype(int)
        assert np.abs(again - first).max() <= 1


def test_another_scene_starts_with_its_own_ends() -> None:
    scale = SteadyDepth()
    scale.follow(inverse_depth(ramp(0, 1)))
    other = inverse_depth(ramp(0, 1).T.reshape(40, 60)[::-1] * 9)
    assert np.array_equal(scale.follow(other).indices, SteadyDepth().follow(other).indices)


def test_the_scale_arrives_where_the_scene_stays() -> None:
    scale = SteadyDepth()
    scale.follow(inverse_depth(ramp(0, 1)))
    for _ in range(80):
        indices = scale.follow(inverse_depth(ramp(10, 20))).indices
    assert indices.min() <= 5
    assert indices.max() >= 250


def test_the_first_frame_is_normalised_by_itself() -> None:
    indices = SteadyDepth().follow(inverse_depth(ramp(-3, 7))).indices
    assert (indices.min(), indices.max()) == (0, 255)


def test_a_flat_wall_is_all_far() -> None:
    assert not SteadyDepth().follow(inverse_depth(np.full((9, 9), 5.0))).indices.any()


class Street:
    """A box that moves a pixel a frame before a wall, with depth that flickers by itself."""

    box = 20

    def __init__(self, flicker: float) -> None:
        self._random = np.random.default_rng(7)
        self._texture = self._random.integers(60, 120, (60, 96, 3)).astype(np.uint8)
        self._flicker = flicker

    def frame(self, number: int) -> tuple[DepthMap, NDArray[np.uint8], NDArray[np.float64]]:
        """Depth as a network gives it, the picture, and the exact depth."""
        picture = self._texture + self._random.integers(-1, 2, self._texture.shape)
        exact = np.repeat(np.linspace(0.1, 0.5, 60), 96).reshape(60, 96)
        left = 10 + number
        exact[20:45, left : left + self.box] = 1.0
        picture[20:45, left : left + self.box] = (200, 190, 60)
        noise = cv2.GaussianBlur(self._random.normal(0, 1, exact.shape), (0, 0), 4)
        seen = exact + self._flicker * noise / noise.std()
        gain, shift = self._random.uniform(0.7, 1.5), self._random.uniform(-1, 1)
        return inverse_depth(gain * seen + shift), picture.astype(np.uint8), exact


def test_what_stands_still_flickers_a_third_as_much() -> None:
    street, damped, followed = Street(flicker=0.02), SteadyDepth(), SteadyDepth(pace=1)
    maps: list[tuple[NDArray[np.float32], NDArray[np.float32]]] = []
    for number in range(20):
        depth, picture, _ = street.frame(number)
        nearness = damped.follow(depth, picture).nearness
        maps.append((nearness, followed.follow(depth, picture).nearness))
    still = (slice(48, 60), slice(None))
    with_damping, without = (
        np.mean([np.abs(b[way][still] - a[way][still]).mean() for a, b in itertools.pairwise(maps)])
        for way in (0, 1)
    )
    assert with_damping < without / 3


def test_a_panned_wall_flickers_half_as_much_once_the_pan_is_undone() -> None:
    random, step = np.random.default_rng(3), 3
    wide = cv2.GaussianBlur(random.integers(0, 256, (60, 160, 3)).astype(np.uint8), (0, 0), 1.5)
    exact = np.repeat(np.linspace(0.1, 1, 60), 96).reshape(60, 96)
    damped, followed = SteadyDepth(), SteadyDepth(pace=1)
    steady: list[NDArray[np.float32]] = []
    undamped: list[NDArray[np.float32]] = []
    for number in range(15):
        picture = np.asarray(wide[:, step * number : step * number + 96], np.uint8)
        noise = cv2.GaussianBlur(random.normal(0, 1, exact.shape), (0, 0), 4)
        depth = inverse_depth(exact + 0.02 * noise / noise.std())
        steady.append(damped.follow(depth, picture).nearness)
        undamped.append(followed.follow(depth, picture).nearness)
    flickers = [
        np.mean([np.abs(b[:, :-9] - a[:, step:-6]).mean() for a, b in itertools.pairwise(frames)])
        for frames in (steady, undamped)
    ]
    assert flickers[0] < flickers[1] / 2


def test_nothing_is_left_behind_a_moving_edge() -> None:
    """Where the box was a frame ago, the wall is seen at once, and no later than the box comes."""
    street, steady = Street(flicker=0.005), SteadyDepth(adaption=0)
    for number in range(15):
        depth, picture, exact = street.frame(number)
        nearness = steady.follow(depth, picture).nearness
        fit = np.polyfit(nearness.ravel(), exact.ravel(), 1)
        error = np.abs(np.polyval(fit, nearness) - exact)[20:45]
        left = 10 + number
        for beside in (left - 2, left - 1, left, left + street.box - 1, left + street.box):
            assert error[:, beside].mean() < 0.04


def test_another_picture_is_another_scene_though_its_depth_is_alike() -> None:
    steady, picture = SteadyDepth(), np.full((40, 60, 3), 40, np.uint8)
    assert steady.follow(inverse_depth(ramp(0, 1)), picture).starts_scene
    assert not steady.follow(inverse_depth(ramp(0, 1.1)), picture).starts_scene
    assert steady.follow(inverse_depth(ramp(0, 1)), picture + 128).starts_scene


def test_the_ends_of_known_scenes_stay() -> None:
    steady = SteadyDepth(scenes=[SceneEnds(0, -1, 2), SceneEnds(3, 0, 1)])
    frames = [steady.follow(inverse_depth(ramp(0, 1))) for _ in range(5)]
    assert [frame.starts_scene for frame in frames] == [True, False, False, True, False]
    assert np.ptp(frames[2].nearness) == pytest.approx(1 / 3, rel=0.06)
    assert np.ptp(frames[4].nearness) == pytest.approx(1, rel=0.06)


def test_a_state_that_was_kept_goes_on_to_the_same_frames() -> None:
    street, steady = Street(flicker=0.02), SteadyDepth()
    frames = [street.frame(number)[:2] for number in range(8)]
    for depth, picture in frames[:4]:
        steady.follow(depth, picture)
    again = SteadyDepth()
    again.restore(steady.state())
    for depth, picture in frames[4:]:
        whole = steady.follow(depth, picture).nearness
        assert np.array_equal(again.follow(depth, picture).nearness, whole)


def ramp(low: float, high: float) -> NDArray[np.float64]:
    return np.linspace(low, high, 2400).reshape(40, 60)
