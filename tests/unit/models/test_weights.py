from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from service.errors import WeightsError
from service.models.checkpoint import load_network
from service.models.download import pull
from service.models.registry import SPECS, find_spec
from service.models.spec import NetworkSpec
from service.models.weights import Origin, WeightsStore, sha256_of
from tests.conftest import MIDAS

EMBEDDED = find_spec("depth_lite_256")


@pytest.fixture
def midas(golden_checkpoint: Path) -> NetworkSpec:
    """The MiDaS entry as if the golden file were the official one."""
    spec = find_spec(MIDAS)
    weights = replace(
        spec.weights,
        bytes=golden_checkpoint.stat().st_size,
        sha256=sha256_of(golden_checkpoint),
    )
    return replace(spec, weights=weights)


def test_embedded_weights_ship_small_and_verified(store: WeightsStore) -> None:
    weights = store.verify(EMBEDDED)
    assert weights.origin is Origin.EMBEDDED
    size = weights.path.stat().st_size
    assert size == EMBEDDED.weights.bytes
    assert size < 10_000_000
    tensors = load_file(weights.path)
    assert {t.dtype for n, t in tensors.items() if "num_batches" not in n} == {torch.float16}


def test_missing_weights_say_what_to_run(store: WeightsStore) -> None:
    with pytest.raises(WeightsError, match=f"models pull {MIDAS}"):
        store.verify(find_spec(MIDAS))


def test_official_file_dropped_in_by_hand_is_found_and_checked(
    store: WeightsStore, midas: NetworkSpec, golden_checkpoint: Path
) -> None:
    store.folder.mkdir()
    dropped = store.folder / midas.weights.file
    shutil.copy(golden_checkpoint, dropped)
    assert store.verify(midas).origin is Origin.OFFICIAL
    with dropped.open("r+b") as file:
        file.seek(1000)
        file.write(b"\0\1\2\3")
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(midas)


def test_add_demands_the_official_hash(store: WeightsStore, golden_checkpoint: Path) -> None:
    with pytest.raises(WeightsError, match="--trust"):
        store.install_official(find_spec(MIDAS), golden_checkpoint)
    assert store.origin(find_spec(MIDAS)) is None
    assert list(store.folder.iterdir()) == []


def test_custom_weights_are_recorded_and_checked_on_every_load(
    store: WeightsStore, golden_checkpoint: Path
) -> None:
    spec = find_spec(MIDAS)
    installed = store.install_custom(spec, golden_checkpoint)
    assert installed.origin is Origin.CUSTOM
    assert installed.sha256 == sha256_of(golden_checkpoint)
    assert store.verify(spec) == installed
    installed.path.write_bytes(b"something else")
    with pytest.raises(WeightsError, match="damaged"):
        store.verify(spec)


def test_official_weights_replace_custom_ones(
    store: WeightsStore, midas: NetworkSpec, golden_checkpoint: Path, tmp_path: Path
) -> None:
    own = tmp_path / "own.pt"
    own.write_bytes(b"own")
    custom = store.install_custom(midas, own)
    assert store.install_official(midas, golden_checkpoint).origin is Origin.OFFICIAL
    assert not custom.path.exists()


def test_what_was_recorded_before_its_hash_was_published_stays(
    store: WeightsStore, midas: NetworkSpec, golden_checkpoint: Path
) -> None:
    unpublished = replace(midas, weights=replace(midas.weights, sha256=None))

    def record() -> None:
        store.create()
        shutil.copy(golden_checkpoint, store.official_path(midas))
        assert store.record_first_use(unpublished).origin is Origin.FIRST_USE

    record()
    assert pull(midas, store).origin is Origin.OFFICIAL
    record()
    assert store.install_official(midas, golden_checkpoint).origin is Origin.OFFICIAL
    assert store.verify(midas).path.read_bytes() == golden_checkpoint.read_bytes()


def test_the_latest_custom_weights_replace_earlier_ones(
    store: WeightsStore, tmp_path: Path
) -> None:
    for name in ("own.pt", "own.safetensors"):
        (tmp_path / name).write_text(name)
        store.install_custom(EMBEDDED, tmp_path / name)
    assert store.origin(EMBEDDED) is Origin.CUSTOM
    assert [path.name for path in store.folder.glob("*.custom.*")] == [
        "depth_lite_256.custom.safetensors"
    ]
    pull(EMBEDDED, store)
    assert store.origin(EMBEDDED) is Origin.EMBEDDED
    assert not list(store.folder.glob("*.custom.*"))


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(WeightsError, match="DEPTH_WEIGHTS_DIR"):
        pull(find_spec(MIDAS), WeightsStore(tmp_path / "file" / "weights"))


def test_broken_record_is_an_error_not_a_silent_fallback(store: WeightsStore) -> None:
    store.folder.mkdir()
    (store.folder / "depth_lite_256.json").write_text("{")
    with pytest.raises(WeightsError, match="record"):
        store.verify(EMBEDDED)


def test_a_pickled_object_is_never_executed(tmp_path: Path) -> None:
    path = tmp_path / "evil.pt"
    torch.save({"model": Path("folder")}, path)
    with pytest.raises(WeightsError, match="never executed"):
        load_network(find_spec(MIDAS), path)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\x03\x04 broken zip"])
def test_files_that_are_no_weights_are_refused(tmp_path: Path, content: bytes) -> None:
    for suffix in (".pt", ".safetensors"):
        path = tmp_path / f"file{suffix}"
        path.write_bytes(content)
        with pytest.raises(WeightsError):
            load_network(EMBEDDED, path)


def test_missing_unknown_and_misshapen_keys_are_refused(tmp_path: Path) -> None:
    complete = load_file(WeightsStore(tmp_path).verify(EMBEDDED).path)
    missing = {k: v for k, v in complete.items() if k != "head.0.bias"}
    for broken in (
        missing,
        complete | {"head.9.bias": torch.zeros(3)},
        complete | {"head.0.bias": torch.zeros(3)},
    ):
        path = tmp_path / "broken.safetensors"
        save_file(broken, path)
        with pytest.raises(WeightsError, match=r"head\."):
            load_network(EMBEDDED, path)


def test_training_checkpoints_with_the_state_under_model_load(
    tmp_path: Path, golden_checkpoint: Path
) -> None:
    state = torch.load(golden_checkpoint, weights_only=True)
    path = tmp_path / "training.pt"
    torch.save({"optimizer": {"step": 1}, "model": state}, path)
    network = load_network(SPECS[MIDAS], path)
    assert not network.training
