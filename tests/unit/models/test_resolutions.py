"""Input sizes beside the official one: which there are, what they cost, who chooses."""

from __future__ import annotations

import pytest

from load_tests.flops import gflop
from service.errors import InvalidParameter
from service.imaging.transforms import Fit
from service.models.choice import NetworkChoice
from service.models.registry import SPECS, find_spec
from service.models.served_networks import ServedNetworks
from service.models.spec import Quality, Resolutions
from service.settings import Settings
from tests.conftest import MIDAS

SIZED = [name for name, spec in SPECS.items() if spec.resolutions is not None]
ONE_SIZE = "dpt_levit_224"
OTHER = "depth_anything_v2_vits"


def sizes_of(name: str) -> Resolutions:
    sizes = find_spec(name).resolutions
    assert sizes is not None
    return sizes


@pytest.mark.parametrize("name", SIZED)
def test_names_stand_for_sizes_in_the_range_and_the_official_one_is_in_it(name: str) -> None:
    sizes = sizes_of(name)
    named = [sizes.of(quality) for quality in Quality]
    assert sizes.low <= named[0] < named[1] < named[2] <= sizes.high
    assert sizes.low <= find_spec(name).input_rule.target <= sizes.high


@pytest.mark.parametrize("name", SIZED)
def test_both_ends_of_the_range_are_taken_and_nothing_beyond(name: str) -> None:
    spec, sizes = find_spec(name), sizes_of(name)
    for resolution in (sizes.low, sizes.high, *map(sizes.of, Quality)):
        rule = spec.at(resolution).input_rule
        assert all(side % rule.multiple == 0 for side in rule.network_size(1280, 720))
    for beyond in (sizes.low - rule.multiple, sizes.high + rule.multiple):
        with pytest.raises(InvalidParameter, match=f"{sizes.low} to {sizes.high}"):
            spec.at(beyond)


@pytest.mark.parametrize("name", SIZED)
def test_work_at_another_size_is_what_the_tool_counts(name: str) -> None:
    spec = find_spec(name).at(sizes_of(name).fast)
    across, down = spec.input_rule.network_size(1000, 1000)
    assert spec.gflop == pytest.approx(gflop(spec, across, down), rel=0.03, abs=0.06)


def test_stretched_photos_need_a_multiple() -> None:
    spec = find_spec("leres_res50")
    assert spec.input_rule.fit is Fit.STRETCH
    assert spec.at(416).input_rule.network_size(1280, 720) == (416, 416)
    with pytest.raises(InvalidParameter, match="multiples of 32"):
        spec.at(400)


def test_a_network_of_one_size_takes_that_only() -> None:
    spec = find_spec(ONE_SIZE)
    assert spec.at(224) is spec
    with pytest.raises(InvalidParameter, match="224 only"):
        spec.at(256)


def test_what_is_asked_for_comes_before_what_is_set() -> None:
    served = ServedNetworks.of(Settings(model=MIDAS, resolution=320))
    assert served.choose(NetworkChoice()).input_rule.target == 320
    assert served.choose(NetworkChoice(MIDAS)).input_rule.target == 320
    assert served.choose(NetworkChoice(resolution=192)).input_rule.target == 192
    assert served.choose(NetworkChoice(quality=Quality.BEST)).input_rule.target == 384


def test_what_is_set_is_for_the_default_network_only() -> None:
    served = ServedNetworks.of(Settings(model=MIDAS, resolution=320))
    assert served.choose(NetworkChoice(OTHER)).input_rule.target == 518
    assert served.choose(NetworkChoice(OTHER, quality=Quality.FAST)).input_rule.target == 224


def test_every_network_has_every_quality() -> None:
    served = ServedNetworks()
    assert served.choose(NetworkChoice(ONE_SIZE, quality=Quality.BEST)) is find_spec(ONE_SIZE)
