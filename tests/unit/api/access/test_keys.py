from __future__ import annotations

import os
from pathlib import Path

import pytest

from service.api.access.keys import ApiKeys, new_key
from service.errors import ApiKeysError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys.txt"


def test_a_new_key_is_found_by_its_line_and_no_other_is(path: Path) -> None:
    (alice, line), (bob, other) = new_key("alice"), new_key("bob")
    path.write_text(f"{line}\n{other}\n")
    known = ApiKeys(path)
    assert known.name_of(alice.encode()) == "alice"
    assert known.name_of(bob.encode()) == "bob"
    for stranger in (b"", b"alice", line.encode(), alice[:-1].encode(), b"\xff" * 50):
        assert known.name_of(stranger) is None


def test_remarks_and_blank_lines_are_fine_and_one_name_may_have_two_keys(path: Path) -> None:
    (old, old_line), (new, new_line) = new_key("phone.app_1-X"), new_key("phone.app_1-X")
    name, _, digest = new_line.partition(":")
    path.write_text(f"# keys\n\n  {old_line}   # until May\r\n{name}:{digest.upper()}")
    known = ApiKeys(path)
    assert known.name_of(old.encode()) == known.name_of(new.encode()) == "phone.app_1-X"


@pytest.mark.parametrize("content", [b"", b"#\n", b"a:b\n", b"\xff\xfe", b"a:" + b"0" * 65])
def test_broken_files_are_refused(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(ApiKeysError):
        ApiKeys(path)


def test_a_folder_is_not_a_file(tmp_path: Path) -> None:
    with pytest.raises(ApiKeysError, match="cannot be read"):
        ApiKeys(tmp_path)


def test_every_entry_is_compared_in_constant_time(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = [new_key(f"client-{number}") for number in range(5)]
    path.write_text("\n".join(line for _, line in made))
    compared: list[bytes] = []

    def compare(ours: bytes, theirs: bytes) -> bool:
        compared.append(theirs)
        return ours == theirs

    known = ApiKeys(path)
    monkeypatch.setattr("service.api.access.keys.hmac.compare_digest", compare)
    known.name_of(made[0][0].encode())
    assert len(compared) == 5


def test_the_file_is_looked_at_no_more_than_once_a_second(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 100.0
    monkeypatch.setattr("service.api.access.keys.time.monotonic", lambda: now)
    (old, old_line), (new, new_line) = new_key("old"), new_key("new")
    path.write_text(old_line)
    known = ApiKeys(path)
    path.write_text(new_line)
    os.utime(path, (1, 1))
    now += 0.9
    assert known.name_of(old.encode()) == "old"
    assert known.name_of(new.encode()) is None
    now += 0.2
    assert known.name_of(new.encode()) == "new"
    assert known.name_of(old.encode()) is None
