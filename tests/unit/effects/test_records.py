"""What holds for every effect, by its record; one that forgets a part fails by name."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
import threading
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

import service
from service.effects.catalog import EFFECTS
from service.effects.parallax import ParallaxOptions
from service.effects.record import Effect, Source
from service.effects.relief import ReliefFormat, ReliefOptions
from service.effects.stereo import StereoOptions
from service.errors import InvalidParameter
from service.geometry.camera import Camera, CameraOptions
from service.imaging.decode import Photo
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.options import Options
from service.machine.checkpoint import Abandoned, abandoned_by
from service.pipeline.offline_effect import OfflineEffect
from tests.support.depths import inverse_depth
from tests.support.photos import photo_pixels

DOCS = (Path(service.__file__).parents[1] / "docs" / "effects.md").read_text(encoding="utf-8")


def ranges() -> Iterator[tuple[str, str, float, float]]:
    """Effect, option, and the range it documents."""
    for effect in EFFECTS.values():
        for name, schema in effect.options.model_json_schema()["properties"].items():
            if "minimum" in schema:
                yield effect.name, name, schema["minimum"], schema["maximum"]


@pytest.fixture(params=EFFECTS)
def effect(request: pytest.FixtureRequest) -> Effect[Any]:
    return EFFECTS[request.param]


@pytest.mark.parametrize(("effect", "option", "low", "high"), list(ranges()))
def test_an_option_takes_its_documented_range_and_nothing_beyond(
    effect: str, option: str, low: float, high: float
) -> None:
    options = EFFECTS[effect].options
    for value in (low, high):
        assert getattr(options(**{option: value}), option) == value
    past = 1 if isinstance(low, int) else 1e-6
    for value in (low - past, high + past, math.nan, math.inf):
        with pytest.raises(ValidationError, match=option):
            options(**{option: value})


def test_an_unknown_option_is_refused(effect: Effect[Any]) -> None:
    with pytest.raises(ValidationError, match="strength"):
        effect.options(strength=1)


def test_every_format_has_a_media_type(effect: Effect[Any]) -> None:
    assert set(effect.media_types) == set(effect.options.model_fields["format"].annotation)


def test_the_suffix_is_of_the_kind_of_file(effect: Effect[Any]) -> None:
    for format, media_type in effect.media_types.items():
        kind = media_type.partition("/")[2] if media_type.startswith("image/") else format
        assert effect.suffix(effect.options(format=format)).endswith(f".{kind}")


def test_no_two_kinds_of_file_share_a_name(effect: Effect[Any]) -> None:
    """Of a folder, what is done is told by its name."""
    options = [effect.options(**kind.options) for kind in effect.kinds]
    assert {one.format for one in options} == set(effect.media_types)
    assert len({effect.file_name(one) for one in options}) == len(options)
    outputs = {OfflineEffect(effect.name, one).output_name(Path("sub/a.jpg")) for one in options}
    assert len(outputs) == len(options)
    assert all(output.name.startswith("a.jpg.") for output in outputs)


def test_it_is_documented_with_each_of_its_options(effect: Effect[Any]) -> None:
    chapter = re.search(rf"^### {effect.name}\n(.*?)(?=^##)", f"{DOCS}\n##", re.M | re.S)
    assert chapter is not None, f"docs/effects.md has no chapter {effect.name}"
    for option in effect.options.model_fields:
        assert f"`{option}`" in chapter[1], f"docs/effects.md: {effect.name}: {option}"


# Values that show, where the ends of the range do not; and what they need beside them.
UNUSUAL: dict[str, Any] = {
    **{"intrinsics": "90,90,64,48", "grid": "2x2", "fov": 100, "max_side": 80},
    **{"focus": "0.2,0.8", "texture_side": 64, "threshold_metres": 0.7, "refine": False},
}
BESIDE: dict[str, dict[str, Any]] = {"depth_of_field": {"focus": "0.5,0.5"}}
PHOTO = Photo(photo_pixels("coffee.png")[:384:4, :512:4].copy(), 128, 96)
OPTIONS = [
    (name, option)
    for name, effect in EFFECTS.items()
    for option in effect.options.model_fields.keys() - set(effect.kind_options)
]


def unusual(effect: Effect[Any], option: str) -> Any:
    field = effect.options.model_fields[option]
    if option in UNUSUAL:
        return UNUSUAL[option]
    if isinstance(field.default, bool):
        return not field.default
    if isinstance(field.default, Enum):
        return next(one for one in type(field.default) if one != field.default)
    schema = effect.options.model_json_schema()["properties"][option]
    return next(schema[end] for end in ("maximum", "minimum") if schema[end] != field.default)


def scenes() -> list[DepthMap]:
    """A disk above ground, as networks' relative maps and in metres."""
    rows, columns = np.mgrid[0:48, 0:64]
    disk = (columns - 32) ** 2 + (rows - 24) ** 2 < 150
    relative = inverse_depth(0.2 + rows / 100 + disk)
    distances = (1 / relative.values).astype(np.float32)
    others = (DepthKind.RELATIVE_DEPTH, DepthKind.METRIC_DEPTH)
    return [relative, *(DepthMap(distances, kind, relative.model) for kind in others)]


@pytest.mark.parametrize(("effect", "option"), sorted(OPTIONS))
def test_an_option_changes_the_file_or_is_refused(effect: str, option: str) -> None:
    """Every option beside every kind of file and of depth, alone and with what it needs."""
    record = EFFECTS[effect]
    said = {option: unusual(record, option)}
    beside = [{}, BESIDE[option]] if option in BESIDE else [{}]
    for kind, more, depth in itertools.product(record.kinds, beside, scenes()):
        usual, other = (record.options(**kind.options, **more, **one) for one in ({}, said))
        made = [
            record.make(Source(PHOTO, depth, camera=_camera(options)), options)
            for options in (usual, other)
        ]
        with (
            contextlib.nullcontext()
            if made[0] != made[1]
            else pytest.raises(InvalidParameter, match=f"{option} does nothing (for|without) ")
        ):
            record.refuse_unread(other, depth.kind)
            other.refuse_lone()


def _camera(options: Options) -> Camera | None:
    return options.camera(128, 96) if isinstance(options, CameraOptions) else None


def test_names_of_the_release_before_are_read() -> None:
    assert StereoOptions.model_validate({"still": 0.2}).screen_plane == 0.2
    assert ParallaxOptions.model_validate({"size": 320}).max_side == 320
    with pytest.raises(ValidationError):
        ParallaxOptions.model_validate({"size": 320, "max_side": 320})


def test_a_format_has_defaults_of_its_own_unless_told() -> None:
    assert ReliefOptions().max_side == 1280
    for format in ("stl", ReliefFormat.STL):
        assert ReliefOptions.model_validate({"format": format}).max_side == 512
        assert ReliefOptions.model_validate({"format": format, "max_side": 900}).max_side == 900
    with pytest.raises(ValidationError, match="format"):
        ReliefOptions.model_validate({"format": ["stl"]})


@pytest.mark.parametrize("name", ["stereo", "portrait", "relief", "parallax", "pointcloud"])
def test_an_effect_that_nobody_waits_for_ends_at_its_next_step(name: str) -> None:
    effect, nobody_waits = EFFECTS[name], threading.Event()
    photo = Photo(photo_pixels("coffee.png"), 600, 400)
    nobody_waits.set()
    with abandoned_by(nobody_waits), pytest.raises(Abandoned):
        effect.make(Source(photo, inverse_depth(np.eye(40))), effect.options())
