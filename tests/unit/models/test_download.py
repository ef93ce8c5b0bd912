"""Pulling weights from a real HTTP server on this machine."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import resource
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pytest

from service.errors import WeightsError
from service.models.download import pull
from service.models.registry import find_spec
from service.models.spec import NetworkSpec
from service.models.weights import Origin, VerifiedWeights, WeightsStore
from tests.conftest import MIDAS

CONTENT = np.random.default_rng(0).bytes(3_000_000)


@dataclass
class Mirror:
    """What the server does, and what it was asked."""

    content: bytes = CONTENT
    ranges: bool = True
    break_off_after: int | None = None
    requested: list[str | None] = field(default_factory=list)
    url: str = ""


@pytest.fixture
def mirror() -> Iterator[Mirror]:
    state = Mirror()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            wanted = self.headers.get("Range")
            state.requested.append(wanted)
            start = 0
            if not self.path.endswith("/midas_v21_small_256.pt"):
                self.send_error(404)
                return
            if wanted and state.ranges:
                start = int(wanted.removeprefix("bytes=").rstrip("-"))
                if start >= len(state.content):
                    self.send_error(416)
                    return
                self.send_response(206)
                last = len(state.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(state.content)}")
            else:
                self.send_response(200)
            body = state.content[start:]
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: state.break_off_after])

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/files"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield state
    server.shutdown()
    server.server_close()


@pytest.fixture
def spec() -> NetworkSpec:
    """The MiDaS entry as if CONTENT were the official file."""
    entry = find_spec(MIDAS)
    digest = hashlib.sha256(CONTENT).hexdigest()
    return replace(entry, weights=replace(entry.weights, bytes=len(CONTENT), sha256=digest))


@pytest.fixture
def store(tmp_path: Path) -> WeightsStore:
    return WeightsStore(tmp_path / "weights")


def fetch(spec: NetworkSpec, store: WeightsStore, mirror: Mirror) -> Path:
    weights = pull(spec, store, mirror=mirror.url, progress=False)
    assert weights.origin is Origin.OFFICIAL
    return weights.path


def partial(spec: NetworkSpec, store: WeightsStore) -> Path:
    return store.folder / f"{spec.weights.file}.part"


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
