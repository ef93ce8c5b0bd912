from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from service.imaging.decode import decode_photo
from service.imaging.transforms import Fit, InputRule, to_image_size, to_tensor
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


@pytest.mark.parametrize("name", SPECS)
def test_to_tensor_equals_the_official_transform(name: str) -> None:
    rule = SPECS[name].input_rule
    photo = decode_photo(photo_bytes("rocket.jpg")).pixels
    size = rule.network_size(photo.shape[1], photo.shape[0])
    # The official code computes in float64, and does not clip the overshoot of the cubic. What
    # float32 costs end to end is in test_networks.
    resized = cv2.resize(photo / 255.0, size, interpolation=cv2.INTER_CUBIC)
    expected = ((resized - rule.mean) / rule.std).transpose(2, 0, 1).astype(np.float32)
    tensor = to_tensor(photo, size, rule)
    assert tensor.flags.c_contiguous
    assert tensor.dtype == np.float32
    assert np.abs(tensor - expected).max() < 1e-4


@pytest.mark.parametrize(("width", "height"), [(641, 427), (100, 90), (1, 1), (352, 192)])
def test_to_image_size_equals_torch_bicubic(width: int, height: int) -> None:
    depth = np.random.default_rng(1).random((192, 352), dtype=np.float32)
    expected = torch.nn.functional.interpolate(
        torch.from_numpy(depth)[None, None], (height, width), mode="bicubic", align_corners=False
    )[0, 0].numpy()
    # Noise is the worst case; on depth maps of photos they differ by less than 5e-6.
    assert np.abs(to_image_size(depth, width, height) - expected).max() < 1e-4


@pytest.mark.parametrize("rule", [OFFICIAL, AREA])
def test_a_rule_accepts_every_size_it_makes(rule: InputRule) -> None:
    sizes = [round(1.13**power) for power in range(80)]
    for width in sizes:
        for height in sizes:
            assert rule.accepts(*rule.network_size(width, height)), (width, height)


@pytest.mark.parametrize("size", [(0, 256), (33, 32), (-32, 32), (2048, 32), (512, 256)])
def test_a_rule_accepts_nothing_else(size: tuple[int, int]) -> None:
    assert not OFFICIAL.accepts(*size)
    assert not AREA.accepts(*size)
