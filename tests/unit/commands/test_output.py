"""The suffix of an output and the format that was asked for: they agree, or it is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from service.__main__ import parse
from service.commands.options import flag
from service.commands.output import options_by_name
from service.effects.catalog import EFFECTS
from service.errors import InvalidParameter
from service.imaging.file_kind import FileKind
from service.imaging.formats import FILE_KINDS
from service.settings import Settings

COMMANDS: dict[str, tuple[tuple[str, ...], Sequence[FileKind]]] = {
    "predict": (("predict",), FILE_KINDS),
    **{name: (("effect", name), effect.kinds) for name, effect in EFFECTS.items()},
}
EACH = [
    pytest.param(name, kind, id="-".join((name, *kind.options.values())))
    for name, (_, kinds) in COMMANDS.items()
    for kind in kinds
]


def chosen(command: str, output: str, **said: Any) -> Mapping[str, Any]:
    """What the command makes of an output's name and the options that were given."""
    words, kinds = COMMANDS[command]
    options = [f"{flag(name)}={value}" for name, value in said.items()]
    return options_by_name(Path(output), kinds, parse([*words, "a.jpg", *options]))


def kind_of(command: str, options: Mapping[str, Any]) -> FileKind:
    (kind,) = (one for one in COMMANDS[command][1] if one.options == options)
    return kind


@pytest.mark.parametrize("command", COMMANDS)
def test_the_first_kind_is_what_is_made_by_default(command: str) -> None:
    kinds = COMMANDS[command][1]
    assert len({tuple(kind.options.values()) for kind in kinds}) == len(kinds)
    if command == "predict":
        assert kinds[0].options == {"format": "heatmap"}
    else:
        options = EFFECTS[command].options()
        assert all(getattr(options, name) == one for name, one in kinds[0].options.items())


@pytest.mark.parametrize(("command", "kind"), EACH)
def test_a_suffix_chooses_its_kind(command: str, kind: FileKind) -> None:
    for suffix in (kind.suffix, kind.suffix.upper()):
        found = kind_of(command, chosen(command, f"photo.jpg{suffix}"))
        assert (found.suffix, found.media_type) == (kind.suffix, kind.media_type)


@pytest.mark.parametrize(("command", "kind"), EACH)
def test_what_was_asked_for_stays_or_is_refused(command: str, kind: FileKind) -> None:
    """With its own suffix, with the last part of it alone, and with none; never with another."""
    last = f".{kind.suffix.rpartition('.')[2]}"
    for suffix in (kind.suffix, last, ""):
        assert chosen(command, f"out{suffix}", **kind.options) == kind.options
    for suffix in {one.suffix for one in COMMANDS[command][1]} - {kind.suffix, last}:
        with pytest.raises(InvalidParameter) as refused:
            chosen(command, f"out{suffix}", **kind.options)
        said = " ".join(f"{flag(name)} {value}" for name, value in kind.options.items())
        assert refused.value.detail == (
            f"out{suffix}: end its name in {kind.suffix}, or leave out {said}"
        )


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_suffix_is_told_what_it_can_be(command: str) -> None:
    kinds = COMMANDS[command][1]
    with pytest.raises(InvalidParameter) as refused:
        chosen(command, "out.obj")
    listed = ", ".join(dict.fromkeys(kind.suffix for kind in kinds))
    assert refused.value.detail == f"out.obj: end its name in {listed}"
    for kind in kinds:
        with pytest.raises(InvalidParameter) as refused:
            chosen(command, "out.obj", **kind.options)
        assert refused.value.detail == f"out.obj: end its name in {kind.suffix}"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_name_without_a_suffix_says_nothing(command: str) -> None:
    assert chosen(command, "out") == {}


@pytest.mark.parametrize(
    ("command", "output", "said", "options"),
    [
        ("portrait", "p.jpg", {}, {"format": "jpeg"}),
        ("predict", "depth.TIF", {}, {"format": "tiff"}),
        ("predict", "depth.zip", {}, {"format": "ros"}),
        ("relief", "p.png", {"format": "height16"}, {"format": "height16"}),
        ("relief", "p.png", {}, {"format": "shaded"}),
        ("stereo", "p.zip", {"format": "png"}, {"format": "png", "layout": "pair"}),
        ("stereo", "p.png", {"layout": "tb"}, {"format": "png", "layout": "tb"}),
    ],
)
def test_other_names_of_a_kind(
    command: str, output: str, said: dict[str, str], options: dict[str, str]
) -> None:
    assert chosen(command, output, **said) == options


@pytest.mark.parametrize("command", COMMANDS)
def test_of_a_folder_the_name_of_the_outputs_is_only_a_name(
    command: str, settings: Settings, tmp_path: Path
) -> None:
    words = [*COMMANDS[command][0], str(tmp_path), "-o", f"{tmp_path}-out.obj"]
    arguments = parse(words)
    with pytest.raises(InvalidParameter, match="no photos in it"):
        arguments.run(arguments, settings)
    assert not Path(f"{tmp_path}-out.obj").exists()


@pytest.mark.parametrize(("command", "kind"), EACH)
def test_of_a_folder_a_name_of_a_file_is_refused_unless_it_is_a_folder(
    command: str, kind: FileKind, settings: Settings, tmp_path: Path
) -> None:
    """The files in it would be of another kind than it says."""
    outputs = Path(f"{tmp_path}-out{kind.suffix}")
    arguments = parse([*COMMANDS[command][0], str(tmp_path), "-o", str(outputs)])
    with pytest.raises(InvalidParameter, match="the outputs go into a folder; --format says"):
        arguments.run(arguments, settings)
    outputs.mkdir()
    with pytest.raises(InvalidParameter, match="no photos in it"):
        arguments.run(arguments, settings)
