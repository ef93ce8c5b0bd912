from __future__ import annotations

from pathlib import Path

import pytest

from service.commands.shorthand import completed
from service.errors import InvalidParameter

COMMANDS = ("serve", "predict", "models")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: a photo, a folder of photos, and a photo called like a command."""
    monkeypatch.chdir(tmp_path)
    Path("photo.jpg").touch()
    Path("photos").mkdir()
    Path("serve").touch()
    return tmp_path


@pytest.mark.parametrize("place", ["photo.jpg", "photos", "photos/", "./serve", "../"])
def test_a_photo_or_folder_is_predicted(place: str) -> None:
    assert completed([place, "--format", "npy"], COMMANDS) == [
        *("predict", place, "--format", "npy")
    ]


@pytest.mark.parametrize(
    "arguments", [[], ["--version"], ["serve"], ["models", "pull"], ["predict", "no.jpg"]]
)
def test_a_command_stays_as_it_is_and_wins_over_a_file_of_its_name(arguments: list[str]) -> None:
    assert completed(arguments, COMMANDS) == arguments


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("srve", "no such command, .* Was serve meant"),
        ("modles", "Was models meant"),
        ("xyz", "There are serve, predict, models"),
        ("foto.jpg", "foto.jpg: no such file$"),
        ("photos/a", "photos/a: no such file$"),
    ],
)
def test_what_is_neither_is_told_apart(word: str, said: str) -> None:
    with pytest.raises(InvalidParameter, match=said):
        completed([word], COMMANDS)
