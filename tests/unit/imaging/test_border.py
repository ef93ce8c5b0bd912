from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from service.imaging.border import Border
from service.imaging.transforms import InputRule, to_image_size
from service.models.registry import SPECS

SIZES = [(741, 500), (500, 741), (64, 64), (7, 3), (2, 90), (1, 1)]
PADDED = [spec.best_rule for spec in SPECS.values() if spec.best_rule is not None]


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_cutting_gives_back_what_a_border_was_put_around(width: int, height: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    border = Border.of(width, height, 3.0)
    outer = border.added(pixels)
    assert (outer.shape[1], outer.shape[0]) == border.outer_size
    for channel in range(3):
        plane = outer[..., channel].astype(np.float32)
        assert np.array_equal(border.cut(plane), pixels[..., channel])


def test_the_border_is_torchs_reflection_of_the_official_width() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (50, 74, 3), np.uint8)
    planes = torch.from_numpy(pixels).permute(2, 0, 1)[None].float()
    # int(sqrt(74 / 2) * 3) columns, int(sqrt(50 / 2) * 3) rows.
    official = torch.nn.functional.pad(planes, (18, 18, 15, 15), mode="reflect")
    ours = Border.of(74, 50, 3.0).added(pixels)
    assert np.array_equal(ours, official[0].permute(1, 2, 0))


def test_a_photo_decoded_at_a_fraction_gets_as_wide_a_share() -> None:
    border = Border.of(800, 600, 3.0)
    outer = border.added(np.zeros((300, 400, 3), np.uint8))
    assert outer.shape == (300 + 2 * 26, 400 + 2 * 30, 3)


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_without_padding_nothing_changes(width: int, height: int) -> None:
    border = Border.of(width, height, 0)
    assert border.is_none
    pixels = np.zeros((height, width, 3), np.uint8)
    values = np.zeros((13, 17), np.float32)
    assert border.added(pixels) is pixels
    assert border.cut_small(values) is values
    assert border.inner_size(17, 13) == (17, 13)


@pytest.mark.parametrize(("width", "height"), [(741, 500), (500, 741), (64, 64)])
def test_a_small_map_s_part_lies_where_the_large_one_s_does(width: int, height: int) -> None:
    """A slope is the same slope, whichever is done first: to cut or to enlarge."""
    border = Border.of(width, height, 3.0)
    y, x = np.mgrid[0:48, 0:68].astype(np.float32)
    answer = x + 2 * y
    small = border.cut_small(answer)
    assert (small.shape[1], small.shape[0]) == border.inner_size(68, 48)
    large = border.cut(to_image_size(answer, *border.outer_size))
    rim = slice(width // 20, -width // 20)
    enlarged = cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    # Cubic interpolation ripples along a slope, a few tenths of a pixel; it does not move it.
    off = (enlarged - large)[rim, rim]
    assert np.abs(off).max() < 0.4
    assert abs(off.mean()) < 0.01


@pytest.mark.parametrize("rule", PADDED)
@pytest.mark.parametrize("photo", [*SIZES, (4000, 1000), (50_000, 3)])
def test_a_padded_rule_accepts_every_size_it_makes(rule: InputRule, photo: tuple[int, int]) -> None:
    size = rule.network_size(*photo)
    assert rule.accepts(*size)
    assert all(
        1 <= inner <= outer for inner, outer in zip(rule.map_size(*photo), size, strict=True)
    )
