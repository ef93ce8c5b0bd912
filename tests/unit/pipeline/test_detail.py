"""Metres of ``detail=high``: fitted as without it, and right in the detailed map."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from service.geometry.metres import MetresOptions
from service.models.choice import NetworkChoice
from service.pipeline.depth import Measured
from service.pipeline.estimator import Detail, Estimate, OutputSize
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings
from tests.support.photos import photo_bytes

PHOTOS = ["coffee.png", "motorcycle_left.png", "astronaut.png", "chelsea.png", "rocket.jpg"]
POINTS = np.random.default_rng(0).random((200, 2))
WINDOW = 2
"""Pixels on either side of a point that its depth is the median of."""

Floats = NDArray[np.floating]


@pytest.fixture(scope="module")
def network(settings: Settings) -> OfflineNetwork:
    return OfflineNetwork(NetworkChoice(), settings)


@pytest.fixture(scope="module")
def estimates(network: OfflineNetwork) -> dict[tuple[str, Detail], Estimate]:
    return {
        (name, detail): network.estimate(photo_bytes(name), detail)
        for name in PHOTOS
        for detail in Detail
    }


def at_points(values: Floats, points: Floats) -> Floats:
    height, width = values.shape
    places = np.rint(points * (width - 1, height - 1)).astype(int)
    return np.array(
        [
            np.median(
                values[max(0, y - WINDOW) : y + WINDOW + 1, max(0, x - WINDOW) : x + WINDOW + 1]
            )
            for x, y in places
        ]
    )


@pytest.mark.parametrize("name", PHOTOS)
def test_points_have_the_same_depth_as_without(
    estimates: dict[tuple[str, Detail], Estimate], name: str
) -> None:
    plain, detailed = (estimates[name, detail].depth for detail in Detail)
    assert (detailed.width, detailed.height) == (2 * plain.width, 2 * plain.height)
    off = np.abs(at_points(detailed.values, POINTS) - at_points(plain.values, POINTS))
    span = np.ptp(plain.values)
    assert off.mean() < 0.01 * span
    assert np.percentile(off, 95) < 0.03 * span


@pytest.mark.parametrize("name", PHOTOS)
@pytest.mark.parametrize("size", OutputSize)
def test_anchors_give_the_same_fit_and_keep_their_metres(
    estimates: dict[tuple[str, Detail], Estimate], name: str, size: OutputSize
) -> None:
    plain = estimates[name, Detail.NORMAL].depth.values
    levels = at_points(plain, POINTS)
    order = np.argsort(levels)
    points = POINTS[order[[20, -20]]]
    given = np.array([3.0, 0.6])
    anchors = tuple((x, y, metres) for (x, y), metres in zip(points, given, strict=True))
    found = [
        Measured.of(estimates[name, detail], size, MetresOptions(anchors=anchors))
        for detail in Detail
    ]
    fits = [one.metres.fit for one in found if one.metres is not None]
    assert len(fits) == 2
    assert fits[0] == fits[1]
    assert found[0].facts == found[1].facts
    # As shares of the inverse distance between the two, which is what is fitted.
    off = 1 / at_points(found[1].depth.values, points) - 1 / given
    assert np.abs(off).max() < 0.04 * np.ptp(1 / given)
