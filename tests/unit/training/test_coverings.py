from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.coverings import Covering, fitted, silhouette
from training.patterns import Patterns


def colours(covering: Covering, *places: tuple[float, float], spacing: float = 1e-6) -> np.ndarray:
    across, along = np.array(places, np.float32).T
    return covering.at(across, along, np.full(len(places), spacing, np.float32))


def test_a_fitted_picture_is_upright_around_its_middle() -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    picture[0, 0] = (255, 0, 0)
    picture[1, 1] = (0, 0, 255)
    shown = colours(fitted(picture, 2, 1), (-0.9, 0.4), (0.9, 0.4), (0.9, -0.4)).T.tolist()
    assert shown == [[1, 0, 0], [0, 0, 0], [0, 0, 1]]


def test_a_covering_goes_on_in_mirror_images() -> None:
    halves = np.zeros((2, 2, 3), np.uint8)
    halves[:, 1] = 255
    places = [(x, 0.0) for x in (-0.9, 0.9, 1.1, 2.9, 3.1)]
    assert list(colours(Covering(halves, (2, 2)), *places)[0] > 0.5) == [
        *(False, True, True, False, False)
    ]


@pytest.mark.parametrize(("spacing", "contrast"), [(0.001, 1.0), (0.1, 0.0)])
def test_from_afar_checks_are_grey(spacing: float, contrast: float) -> None:
    checks = (np.indices((64, 64)).sum(axis=0) % 2 * 255).astype(np.uint8)
    covering = Covering(np.stack([checks] * 3, axis=2), (1, 1))
    # The middles of pixels.
    places = [((x + 0.5) / 64 - 0.5, 0.5 / 64) for x in range(64)]
    shown = colours(covering, *places, spacing=spacing)
    assert np.ptp(shown) == pytest.approx(contrast, abs=0.02)
    assert shown.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("ragged", [0.0, 0.8])
def test_silhouettes_fill_much_of_their_sheet_but_not_all(ragged: float) -> None:
    for seed in range(10):
        filled = silhouette(np.random.default_rng(seed), ragged).mean()
        assert 0.1 < filled < 0.95


_MAKERS: list[Callable[[Patterns], Covering]] = [
    *(Patterns.any, Patterns.plain, Patterns.photo, Patterns.striped, Patterns.wood),
    *(Patterns.planks, Patterns.tiles, Patterns.rough, Patterns.wall, Patterns.floor),
    *(Patterns.ground, Patterns.asphalt, Patterns.leaves, Patterns.facade, Patterns.skin),
    lambda patterns: patterns.page(0.21, 0.3),
    lambda patterns: patterns.poster(1.2, 0.4),
]


@pytest.mark.parametrize("make", _MAKERS)
def test_patterns_are_pictures_of_some_metres(make: Callable[[Patterns], Covering]) -> None:
    photos = [np.random.default_rng(0).integers(0, 256, (90, 120, 3)).astype(np.uint8)]
    for seed in range(8):
        covering = make(Patterns(photos, np.random.default_rng(seed)))
        assert covering.picture.dtype == np.uint8
        assert covering.picture.ndim == 3
        assert covering.picture.shape[2] == 3
        assert 0 < min(covering.metres) <= max(covering.metres) < 20


def test_a_poster_is_not_stretched() -> None:
    photos = [np.zeros((90, 120, 3), np.uint8)]
    for wide, tall in ((1.0, 1.0), (0.3, 1.5), (2.0, 0.5)):
        poster = Patterns(photos, np.random.default_rng(0)).poster(wide, tall)
        height, width = poster.picture.shape[:2]
        assert width / height == pytest.approx(wide / tall, rel=0.05)
        assert poster.metres == (wide, tall)
