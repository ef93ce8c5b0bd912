"""Weights whose hash nobody publishes, of which the first pull's counts; and damage of any."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from service.errors import WeightsError
from service.models.download import pull
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import Origin, VerifiedWeights, WeightsStore
from tests.conftest import MIDAS
from tests.unit.models.conftest import CONTENT, Mirror, partial


@pytest.fixture
def unpublished(golden_checkpoint: Path, mirror: Mirror) -> NetworkSpec:
    """An entry whose hash nobody publishes; the mirror has its file."""
    mirror.content = golden_checkpoint.read_bytes()
    entry = find_spec(MIDAS)
    return replace(entry, weights=replace(entry.weights, bytes=None, sha256=None))


def pull_first(spec: NetworkSpec, store: WeightsStore, mirror: Mirror) -> VerifiedWeights:
    return pull(spec, store, mirror=mirror.url, progress=False)


def test_of_an_unpublished_hash_the_first_pull_counts(
    unpublished: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    first = pull_first(unpublished, store, mirror)
    assert first.origin is Origin.FIRST_USE
    assert pull_first(unpublished, store, mirror) == first
    assert mirror.requested == [None]
    first.path.unlink()
    good, mirror.content = mirror.content, CONTENT
    with pytest.raises(WeightsError, match="not the one that was first pulled"):
        pull_first(unpublished, store, mirror)
    mirror.content = good
    assert pull_first(unpublished, store, mirror) == first


def break_off(spec: NetworkSpec, store: WeightsStore, mirror: Mirror) -> int:
    """Let a pull end early; how many bytes of it are kept."""
    mirror.break_off_after = 1_000_000
    with pytest.raises(WeightsError, match="next pull goes on"):
        pull_first(spec, store, mirror)
    mirror.break_off_after = None
    mirror.requested.clear()
    return partial(spec, store).stat().st_size


@pytest.mark.parametrize(("etag", "goes_on"), [('"a"', True), ('W/"a"', False), ("", False)])
def test_a_first_pull_goes_on_only_with_the_same_file(
    unpublished: NetworkSpec, store: WeightsStore, mirror: Mirror, etag: str, goes_on: bool
) -> None:
    """No hash would tell a mixture of two."""
    mirror.etag = etag
    kept = break_off(unpublished, store, mirror)
    pulled = pull_first(unpublished, store, mirror)
    assert pulled.sha256 == hashlib.sha256(mirror.content).hexdigest()
    assert mirror.requested == [f"bytes={kept}-" if goes_on else None]
    assert not list(store.folder.glob("*.part*"))


def test_a_first_pull_begins_anew_with_another_file(
    unpublished: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    right, mirror.content = mirror.content, bytes(len(mirror.content))
    mirror.etag = '"of other weights"'
    break_off(unpublished, store, mirror)
    mirror.content, mirror.etag = right, '"of these"'
    pulled = pull_first(unpublished, store, mirror)
    assert pulled.sha256 == hashlib.sha256(right).hexdigest()


def test_what_was_fetched_to_its_end_is_not_fetched_again(
    unpublished: NetworkSpec, store: WeightsStore, mirror: Mirror
) -> None:
    mirror.etag = '"a"'
    break_off(unpublished, store, mirror)
    partial(unpublished, store).write_bytes(mirror.content)
    pulled = pull_first(unpublished, store, mirror)
    assert pulled.sha256 == hashlib.sha256(mirror.content).hexdigest()
    assert mirror.requested == [f"bytes={len(mirror.content)}-"]


Damage = Callable[[NetworkSpec, WeightsStore], object]


def record_of(spec: NetworkSpec, store: WeightsStore) -> Path:
    return store.folder / f"{spec.name}.json"


DAMAGE: dict[str, Damage] = {
    "cut record": lambda spec, store: record_of(spec, store).write_text('{"file": "mid'),
    "other record": lambda spec, store: record_of(spec, store).write_text("[1]"),
    "no text": lambda spec, store: record_of(spec, store).write_bytes(b"\xff\xfe\x00"),
    "cut file": lambda spec, store: store.official_path(spec).write_bytes(b"PK"),
    "no file": lambda spec, store: store.official_path(spec).unlink(),
}


@pytest.mark.parametrize("published", [False, True], ids=["first use", "published"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE.keys())
def test_whatever_is_damaged_another_pull_mends(
    unpublished: NetworkSpec,
    spec: NetworkSpec,
    store: WeightsStore,
    mirror: Mirror,
    damage: Damage,
    published: bool,
) -> None:
    if published:
        mirror.content, unpublished = CONTENT, spec
    first = pull_first(unpublished, store, mirror)
    damage(unpublished, store)
    with pytest.raises(WeightsError):
        store.verify(unpublished)
    assert pull_first(unpublished, store, mirror) == first
    assert store.verify(unpublished) == first


@pytest.mark.parametrize("damage", ["cut record", "other record", "no text"])
def test_whatever_is_damaged_a_file_that_is_added_mends(
    spec: NetworkSpec, store: WeightsStore, tmp_path: Path, damage: str
) -> None:
    file = tmp_path / "official.pt"
    file.write_bytes(CONTENT)
    for install, origin in (
        (store.install_official, Origin.OFFICIAL),
        (store.install_custom, Origin.CUSTOM),
    ):
        store.create()
        DAMAGE[damage](spec, store)
        assert install(spec, file).origin is origin
        assert store.verify(spec).path.read_bytes() == CONTENT
