"""What HTTP has, the command line has: each parameter by its name, refused in the same words."""

from __future__ import annotations

import contextlib
from enum import Enum
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from pydantic.fields import FieldInfo

from service.__main__ import parse
from service.api.depth_query import DepthQuery
from service.api.effects.queries import query_of
from service.commands.effect import offline_effect
from service.commands.options import flag, given_options
from service.commands.predict import depth_of
from service.effects.catalog import EFFECTS
from service.errors import InvalidParameter
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.formats import FORMATS, OutputFormat
from service.imaging.options import Options
from service.pipeline.depth import Measured
from service.settings import Settings
from tests.support.photos import photo_bytes

OF_UPLOADS = {"depth_kind", "depth_scale", "invalid"}
# Refused beside another parameter of their kind, or of no use for an example.
EXAMPLES: dict[str, Any] = {
    **{"model": "depth_lite_256", "resolution": 256, "near": 2.0, "far": 0.5},
    **{"low": 5.0, "high": 90.0},
}
# Refused without another parameter.
BESIDE: dict[str, dict[str, str]] = {
    **{name: {"normalize": "percentile"} for name in ("low", "high")},
    "measuring_error": {"anchors": "0.5,0.9,0.6;0.5,0.1,3"},
    "depth_of_field": {"focus": "0.5,0.6"},
}


def example(name: str, field: FieldInfo) -> Any:
    """A value that is allowed, and is not the default where there are others."""
    schema: Any = field.json_schema_extra or {}
    kinds = get_args(field.annotation) or (field.annotation,)
    if name in EXAMPLES:
        return EXAMPLES[name]
    if "examples" in schema:
        return schema["examples"][0]
    if "minimum" in schema:
        return kinds[0](schema["minimum"])
    if bool in kinds:
        return not field.default
    assert issubclass(kinds[0], Enum), f"{name}: no example"
    return list(kinds[0])[-1]


def words(name: str, value: Any) -> list[str]:
    """The arguments that say it."""
    if isinstance(value, bool):
        return [flag(name) if value else flag(name).replace("--", "--no-", 1)]
    return [f"{flag(name)}={value}"]


CALLS: list[tuple[tuple[str, ...], type[Options]]] = [
    (("predict",), DepthQuery),
    (("bulk",), DepthQuery),
    *((("effect", effect.name), query_of(effect)) for effect in EFFECTS.values()),
]
PARAMETERS = [
    (command, query, name, field)
    for command, query in CALLS
    for name, field in query.model_fields.items()
    if name not in OF_UPLOADS
]


@pytest.mark.parametrize(
    ("command", "query", "name", "field"),
    [pytest.param(*one, id=f"{one[0][-1]}-{one[2]}") for one in PARAMETERS],
)
def test_every_parameter_is_an_argument(
    command: tuple[str, ...], query: type[Options], name: str, field: FieldInfo
) -> None:
    value = example(name, field)
    said_too = BESIDE.get(name, {})
    places = ["photos", "outputs"] if command == ("bulk",) else ["photo.jpg"]
    more = [word for pair in said_too.items() for word in words(*pair)]
    said = given_options(parse([*command, *places, *words(name, value), *more]), query)
    assert said == query(**{name: value}, **said_too)
    assert name in said.model_fields_set
    assert getattr(said, name) == value


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--anchors", "3"], "^--anchors must be x,y,metres"),
        (["--measuring-error", "2"], r"^--measuring-error must be from 0\.001 to 0\.5$"),
        (["--fov", "nan"], "^--fov must be from 10 to 150"),
        (["--resolution", "256", "--quality", "fast"], "^resolution or quality, not both$"),
        (
            ["--normalize=percentile", "--near=0.5"],
            "^near or normalize=percentile, not both: each says what the ends",
        ),
        (["--format", "mm16"], "^mm16 holds metres.*anchors"),
    ],
)
def test_what_http_refuses_is_refused(settings: Settings, words: list[str], why: str) -> None:
    arguments = parse(["predict", "photo.jpg", *words])
    with pytest.raises(InvalidParameter, match=why):
        depth_of(arguments, arguments.format or OutputFormat.NPY, settings).network(settings)


@pytest.mark.parametrize("format", [name for name, one in FORMATS.items() if one.is_available])
@pytest.mark.parametrize("option", sorted(set().union(*(one.reads for one in FORMATS.values()))))
def test_an_option_changes_the_file_or_is_refused(
    settings: Settings, format: OutputFormat, option: str
) -> None:
    """Each format beside each option that some format reads."""
    values = np.linspace(1, 2, 48, dtype=np.float32).reshape(6, 8)
    depth = DepthMap(values, DepthKind.METRIC_DEPTH, "any")

    def written(*said: str) -> bytes:
        arguments = parse(["predict", "photo.jpg", "--format", format, *said])
        made = depth_of(arguments, format, settings).representation
        camera = made.camera.camera(8, 6) if made.camera else None
        return made.write(Measured(depth, depth, np.zeros((3, 6, 8), np.float32), camera=camera))

    value = {"near": 1.2, "far": 1.8, "fov": 90.0, "intrinsics": "9,9,4,3"}.get(
        option, example(option, DepthQuery.model_fields[option])
    )
    beside = [word for pair in BESIDE.get(option, {}).items() for word in words(*pair)]
    reads = FORMATS[format].reads
    if option in reads:
        assert written(*words(option, value), *beside) != written(*beside)
    else:
        with pytest.raises(InvalidParameter, match=f"does nothing for {format}, only for"):
            written(*words(option, value), *beside)


ANCHORS = ("--anchors", "0.5,0.9,0.6;0.5,0.1,3")


@pytest.mark.parametrize(
    ("words", "metres"),
    [
        (["effect", "obstacle", "a.jpg", "--threshold-metres=2"], True),
        (["effect", "obstacle", "a.jpg", "--threshold=0.5"], False),
        (["effect", "pointcloud", "photos", "--far-ratio=9"], False),
    ],
)
def test_an_option_of_another_kind_of_depth_is_refused_before_anything_is_read(
    settings: Settings, words: list[str], metres: bool
) -> None:
    """The embedded network's depth is relative, and with anchors in metres."""
    for in_metres, more in ((False, ()), (True, ANCHORS)):
        arguments = parse([*words, *more])
        if in_metres == metres:
            # Of a folder, what is said is that no photo is in it.
            with contextlib.suppress(FileNotFoundError):
                assert arguments.run(arguments, settings) == 2
        else:
            with pytest.raises(InvalidParameter, match="does nothing for"):
                arguments.run(arguments, settings)


@pytest.mark.parametrize(
    ("words", "query", "why"),
    [
        (["predict", "a.jpg", "--measuring-error=0.1"], DepthQuery, "measuring_error does nothing"),
        (
            ["effect", "portrait", "a.jpg", "--depth-of-field=0.1"],
            query_of(EFFECTS["portrait"]),
            "depth_of_field does nothing without focus",
        ),
    ],
)
def test_an_option_without_the_one_it_needs_is_refused(
    words: list[str], query: type[Options], why: str
) -> None:
    with pytest.raises(InvalidParameter, match=why):
        given_options(parse(words), query)


@pytest.mark.parametrize("command", [["predict"], ["effect", "relief"]])
@pytest.mark.parametrize("name", ["photo.png", "link.png"])
def test_a_photo_is_never_its_own_output(
    settings: Settings, tmp_path: Path, command: list[str], name: str
) -> None:
    photo = tmp_path / "photo.png"
    photo.write_bytes(photo_bytes("coffee.png"))
    (tmp_path / "link.png").symlink_to(photo)
    arguments = parse([*command, str(photo), "-o", str(tmp_path / name)])
    with pytest.raises(InvalidParameter, match="that is what is read"):
        arguments.run(arguments, settings)
    assert photo.read_bytes() == photo_bytes("coffee.png")


def test_options_of_something_else_are_refused(
    settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    at_a_socket = settings.model_copy(update={"uds": tmp_path / "socket"})
    for said, given, why in (
        (["serve", "--port=8001"], at_a_socket, "--port: the server listens on DEPTH_UDS="),
        (["eval", "--units=256"], settings, "--units is of a folder's depth"),
        (["eval", str(tmp_path), "--units=0"], settings, "--units must be above 0"),
        (["eval", str(tmp_path), "--units=nan"], settings, "--units must be above 0"),
        (["effect", "relief", "photo.jpg", "--workers=2"], settings, "--workers are for a folder"),
    ):
        arguments = parse(said)
        assert arguments.run(arguments, given) == 2
        assert why in capsys.readouterr().err


def test_an_effect_is_told_only_what_was_said() -> None:
    """So that EXIF tells the camera where nobody gave a field of view."""
    (effect,) = (one for one in EFFECTS.values() if one.name == "pointcloud")
    query = given_options(
        parse(["effect", "pointcloud", "a.jpg", "--edge=60", "--near=2"]), query_of(effect)
    )
    wanted = offline_effect(effect, query)
    assert type(wanted.options) is effect.options
    assert wanted.options.model_fields_set == {"edge"}
    assert wanted.near == 2
    assert wanted.output_name(Path("sub/a.jpg")) == Path("sub/a.jpg.pointcloud.ply")


def test_effects_within_the_photos_are_refused(settings: Settings, tmp_path: Path) -> None:
    """The next run would take them for photos."""
    arguments = parse(["effect", "relief", str(tmp_path), "-o", str(tmp_path / "reliefs")])
    with pytest.raises(InvalidParameter, match="outside of the folder of photos"):
        arguments.run(arguments, settings)
