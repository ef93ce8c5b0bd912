"""What one run of a network takes: work and memory, by the input that a photo's shape leads to."""

from __future__ import annotations

import pytest

from load_tests.flops import gflop
from service.errors import PayloadTooLarge
from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkRun, NetworkSpec, Quality
from service.settings import Settings

LIMIT = 1e6 * Settings().max_network_mb
PANORAMA = (8000, 2000)


def run_on_photo(spec: NetworkSpec, width: int, height: int) -> NetworkRun:
    return spec.run_on(*spec.input_rule.network_size(width, height))


@pytest.mark.parametrize(
    ("name", "resolution"),
    [("depth_anything_v2_vits", 770), ("zoedepth_n", None), ("dpt_hybrid_384", 512)],
)
def test_work_on_a_panorama_is_what_the_tool_counts(name: str, resolution: int | None) -> None:
    run = run_on_photo(find_spec(name).at(resolution), *PANORAMA)
    assert run.width > 3 * run.height
    assert run.gflop == pytest.approx(gflop(run.network, run.width, run.height), rel=0.03)


@pytest.mark.parametrize("name", SPECS)
def test_a_photo_of_a_usual_shape_always_has_the_memory(name: str) -> None:
    spec = find_spec(name)
    for one in (spec, *map(spec.at_quality, Quality)):
        for shape in ((1280, 720), (720, 1280), (3000, 2000), (1000, 1000), (2000, 1000)):
            run_on_photo(one, *shape).check(LIMIT)


@pytest.mark.parametrize("name", SPECS)
def test_a_photo_of_any_shape_fits_at_some_resolution(name: str) -> None:
    """Or, of networks that take one size, is told to be cropped."""
    spec = find_spec(name)
    if spec.resolutions is not None:
        run_on_photo(spec.at(spec.resolutions.low), *PANORAMA).check(LIMIT)


def test_what_never_fits_is_told_what_to_lower() -> None:
    spec = find_spec("dpt_beit_large_512")
    with pytest.raises(PayloadTooLarge, match=r"2048x512.*lower resolution \(512\), or crop it"):
        run_on_photo(spec, *PANORAMA).check(LIMIT)
    run_on_photo(spec.at(256), *PANORAMA).check(LIMIT)
    needed = spec.memory.of(2048 * 512)
    run_on_photo(spec, *PANORAMA).check(needed)
    with pytest.raises(PayloadTooLarge):
        run_on_photo(spec, *PANORAMA).check(needed - 1)


def test_a_network_of_one_size_says_to_crop() -> None:
    run = run_on_photo(find_spec("zoedepth_n"), *PANORAMA)
    with pytest.raises(PayloadTooLarge, match="For so long a photo crop it"):
        run.check(1e9)
