from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from service.imaging.decode import decode_photo
from service.imaging.transforms import (
    Fit,
    InputRule,
    Interpolation,
    Rgb,
    to_image_size,
    to_tensor,
)
from service.models.registry import SPECS
from tests.support.photos import photo_bytes

OFFICIAL = InputRule(target=256, multiple=32, fit=Fit.UPPER_BOUND)
AREA = InputRule(target=256, multiple=32, fit=Fit.AREA)


@pytest.mark.parametrize(
    ("photo", "network"),
    [
        ((741, 500), (256, 160)),  # the golden photo: 172.7 rounds down
        ((1280, 720), (256, 128)),  # 144 is 4.5 multiples: half to even gives 4
        ((720, 1280), (128, 256)),
        ((1600, 1000), (256, 160)),
        ((640, 480), (256, 192)),
        ((512, 512), (256, 256)),
        ((1, 1), (256, 256)),
        ((4000, 10), (256, 32)),  # the official code would ask for 0 rows
    ],
)
def test_upper_bound_is_the_official_rule(photo: tuple[int, int], network: tuple[int, int]) -> None:
    assert OFFICIAL.network_size(*photo) == network


@pytest.mark.parametrize(
    ("photo", "network"),
    [
        ((512, 512), (256, 256)),
        ((1280, 720), (352, 192)),
        ((720, 1280), (192, 352)),
        ((640, 480), (288, 224)),
        ((1, 1), (256, 256)),
        ((50_000_000, 1), (1024, 32)),
    ],
)
def test_area_rule(photo: tuple[int, int], network: tuple[int, int]) -> None:
    assert AREA.network_size(*photo) == network


@pytest.mark.parametrize("rule", [OFFICIAL, AREA], ids=["upper_bound", "area"])
def test_every_size_is_legal_and_bounded(rule: InputRule) -> None:
    rng = np.random.default_rng(0)
    sides = np.exp(rng.uniform(0, np.log(50_000), (2000, 2))).astype(int)
    for width, height in sides:
        for side in rule.network_size(int(width), int(height)):
            assert side % 32 == 0
            assert 32 <= side <= 1024


def test_area_stays_near_the_target_for_usual_photos() -> None:
    for width, height in [(4, 3), (3, 2), (16, 9), (9, 16), (2, 1), (1, 1), (21, 9)]:
        w, h = AREA.network_size(width * 100, height * 100)
        assert 0.75 <= w * h / 256**2 <= 1.3


def resized_officially(photo: Rgb, size: tuple[int, int], how: Interpolation) -> np.ndarray:
    """As the official codes do it: in float64 or on bytes, not clipped, or by torch."""
    if how is Interpolation.LINEAR:
        return np.asarray(cv2.resize(photo, size, interpolation=cv2.INTER_LINEAR) / 255.0)
    if how in (Interpolation.CUBIC, Interpolation.CUBIC_DOUBLE):
        return np.asarray(cv2.resize(photo / 255.0, size, interpolation=cv2.INTER_CUBIC))
    planes = torch.from_numpy(photo / 255.0).permute(2, 0, 1)[None]
    resized = torch.nn.functional.interpolate(
        planes, size[::-1], mode="bilinear", align_corners=True
    )
    return np.asarray(resized[0].permute(1, 2, 0))


@pytest.mark.parametrize("name", SPECS)
def test_to_tensor_equals_the_official_transform(name: str) -> None:
    rule = SPECS[name].input_rule
    photo = decode_photo(photo_bytes("rocket.jpg")).pixels
    size = rule.network_size(photo.shape[1], photo.shape[0])
    # What float32 costs end to end is in test_networks.
    resized = resized_officially(photo, size, rule.resize)
    expected = ((resized - rule.mean) / rule.std).transpose(2, 0, 1).astype(np.float32)
    tensor = to_tensor(photo, size, rule)
    assert tensor.flags.c_contiguous
    assert tensor.dtype == np.float32
    assert np.abs(tensor - expected).max() < 2e-4


@pytest.mark.parametrize(
    ("how", "mode", "corners"),
    [
        (Interpolation.CUBIC, "bicubic", False),
        (Interpolation.LINEAR, "bilinear", False),
        (Interpolation.LINEAR_CORNERS, "bilinear", True),
    ],
)
@pytest.mark.parametrize(("width", "height"), [(641, 427), (100, 90), (1, 1), (352, 192)])
def test_to_image_size_equals_torch(
    how: Interpolation, mode: str, corners: bool, width: int, height: int
) -> None:
    depth = np.random.default_rng(1).random((192, 352), dtype=np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(depth)[None, None], (height, width), mode=mode, align_corners=corners
    )[0, 0].numpy()
    # Noise is the worst case; on depth maps of photos they differ by less than 5e-6.
    assert np.abs(to_image_size(depth, width, height, how) - expected).max() < 1e-4


@pytest.mark.parametrize(
    ("name", "photo", "network"),
    [
        ("dpt_hybrid_384", (741, 500), (576, 384)),
        ("dpt_hybrid_384", (100, 50), (384, 192)),
        ("depth_anything_v2_vits", (741, 500), (770, 518)),
        ("depth_anything_v2_vits", (4000, 3000), (686, 518)),
        ("depth_anything_v2_vits", (50_000, 100), (2072, 518)),
        ("leres_res50", (741, 500), (448, 448)),
        ("zoedepth_n", (741, 500), (576, 384)),
        ("zoedepth_n", (500, 741), (512, 768)),
    ],
)
def test_the_other_networks_sizes(
    name: str, photo: tuple[int, int], network: tuple[int, int]
) -> None:
    """The first of each network is what its official code makes of the motorcycle."""
    assert SPECS[name].input_rule.network_size(*photo) == network


@pytest.mark.parametrize("rule", dict.fromkeys(spec.input_rule for spec in SPECS.values()))
def test_a_rule_accepts_every_size_it_makes(rule: InputRule) -> None:
    sizes = [round(1.13**power) for power in range(80)]
    for width in sizes:
        for height in sizes:
            assert rule.accepts(*rule.network_size(width, height)), (width, height)


@pytest.mark.parametrize("size", [(0, 256), (33, 32), (-32, 32), (2048, 32), (512, 256)])
def test_a_rule_accepts_nothing_else(size: tuple[int, int]) -> None:
    assert not OFFICIAL.accepts(*size)
    assert not AREA.accepts(*size)
