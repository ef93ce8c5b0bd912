"""What the effects take is within what admission charges for them."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import pytest

from service.effects.catalog import EFFECTS
from tests.support.peaks import LARGEST, measure

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

Options = Mapping[str, Any]
EVERY = [(effect, options) for effect, every in LARGEST.items() for options in every]


def test_every_format_of_every_effect_is_measured() -> None:
    measured = {(effect, str(options["format"])) for effect, options in EVERY}
    assert measured == {(e.name, str(f)) for e in EFFECTS.values() for f in e.media_types}


@pytest.mark.parametrize("effect", EFFECTS)
def test_a_small_photo_takes_no_more_than_is_charged(effect: str) -> None:
    peak = measure(effect, {}, 640, 480)
    assert peak.bytes <= peak.declared_bytes


@pytest.mark.parametrize(("effect", "options"), EVERY, ids=str)
def test_the_largest_options_take_no_more_than_is_charged(effect: str, options: Options) -> None:
    peak = measure(effect, options, 1600, 1200)
    assert peak.bytes <= peak.declared_bytes


@pytest.mark.parametrize("effect", ["portrait", "relief", "stereo"])
def test_12_megapixels_take_no_more_than_is_charged_nor_half_a_gigabyte(effect: str) -> None:
    peak = measure(effect, LARGEST[effect][0], 4000, 3000)
    assert peak.bytes <= peak.declared_bytes <= 500e6
