"""Pulling weights whose hash is known from a real HTTP server on this machine."""

from __future__ import annotations

import contextlib
import resource
from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import WeightsError
from service.models.download import pull
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import Origin, WeightsStore
from tests.unit.models.conftest import CONTENT, Mirror, partial


def fetch(spec: NetworkSpec, store: WeightsStore, mirror: Mirror) -> Path:
    weights = pull(spec, store, mirror=mirror.url, progress=False)
    assert weights.origin is Origin.OFFICIAL
    return weights.path


def test_pull_installs_the_official_file(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    assert fetch(spec, store, mirror).read_bytes() == CONTENT
    assert not partial(spec, store).exists()


def test_a_full_disk_is_said_and_the_next_pull_goes_on(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    """The limit of this process's file sizes stands in for the disk's end."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
    try:
        with pytest.raises(WeightsError, match="cannot be written"):
            fetch(spec, store, mirror)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    with pytest.raises(WeightsError, match="not installed"):
        store.verify(spec)
    assert fetch(spec, store, mirror).read_bytes() == CONTENT
    assert mirror.requested == [None, "bytes=1000000-"]


def test_the_folder_is_there_after_any_pull(store: WeightsStore) -> None:
    """The image's build goes on with it."""
    pull(find_spec("depth_lite_256"), store)
    assert store.folder.is_dir()


def test_a_second_pull_downloads_nothing(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    fetch(spec, store, mirror)
    fetch(spec, store, mirror)
    assert mirror.requested == [None]


@pytest.mark.parametrize("ranges", [True, False])
def test_an_interrupted_pull_goes_on(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror, ranges: bool
) -> None:
    mirror.ranges = ranges
    mirror.break_off_after = 1_000_000
    with pytest.raises(WeightsError, match="next pull goes on"):
        fetch(spec, store, mirror)
    kept = partial(spec, store).stat().st_size
    assert 0 < kept <= 1_000_000
    assert store.origin(spec) is None
    mirror.break_off_after = None
    assert fetch(spec, store, mirror).read_bytes() == CONTENT
    assert mirror.requested == [None, f"bytes={kept}-"]


def test_wrong_bytes_are_refused_and_removed(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    mirror.content = CONTENT[:-1] + b"\0"
    with pytest.raises(WeightsError, match="Nothing was installed"):
        fetch(spec, store, mirror)
    assert store.origin(spec) is None
    assert not partial(spec, store).exists()


@pytest.mark.parametrize("size", [2_000_000, 4_000_000])
def test_a_file_of_another_size_is_refused(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror, size: int
) -> None:
    good, mirror.content = mirror.content, (CONTENT * 2)[1 : size + 1]
    with pytest.raises(WeightsError):
        fetch(spec, store, mirror)
    assert store.origin(spec) is None
    # What the wrong server left behind does not spoil a pull from the right one for ever.
    mirror.content = good
    with contextlib.suppress(WeightsError):
        fetch(spec, store, mirror)
    assert fetch(spec, store, mirror).read_bytes() == CONTENT


def test_a_longer_part_than_the_server_has_starts_over(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    store.folder.mkdir()
    partial(spec, store).write_bytes(CONTENT[:2_000_000])
    mirror.content = CONTENT[:1_000_000]
    with pytest.raises(WeightsError, match="Pull again"):
        fetch(spec, store, mirror)
    mirror.content = CONTENT
    assert fetch(spec, store, mirror).read_bytes() == CONTENT


def test_offline_says_what_to_do(spec: NetworkSpec, store: WeightsStore, mirror: Mirror) -> None:
    mirror.url = "http://127.0.0.1:9"
    with pytest.raises(WeightsError, match=r"offline\?.*models add"):
        fetch(spec, store, mirror)


def test_a_mirror_that_is_no_url_is_a_clear_error(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    mirror.url = "http://host:port"
    with pytest.raises(WeightsError):
        fetch(spec, store, mirror)


def test_an_error_status_is_named(spec: NetworkSpec, store: WeightsStore, mirror: Mirror) -> None:
    other = replace(spec, weights=replace(spec.weights, file="other.pt"))
    with pytest.raises(WeightsError, match="404"):
        fetch(other, store, mirror)


def test_a_pull_of_bounded_time_keeps_what_it_has(
    spec: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    with pytest.raises(WeightsError, match="next pull goes on"):
        pull(spec, store, mirror=mirror.url, progress=False, seconds=0)
    assert partial(spec, store).stat().st_size > 0
    fetch(spec, store, mirror)
