"""Which shapes an uploaded map may have: the photo's, and all that the service itself gives."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from service.errors import InvalidParameter
from service.imaging.depth_description import NumbersDescription
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import UPLOADED, DepthMap
from service.imaging.tiles import finer
from service.imaging.transforms import Fit, InputRule, Interpolation
from service.imaging.uploaded_depth import ASPECT_TOLERANCE, DepthFile, fitted_to_photo
from service.models.registry import SPECS
from service.models.spec import NetworkSpec, Quality
from service.pipeline.effect import map_sizes

INVERSE = DepthKind.RELATIVE_INVERSE_DEPTH
LITE = SPECS["depth_lite_256"]
CHELSEA = (451, 300)

Size = tuple[int, int]
photos = st.tuples(st.integers(1, 6000), st.integers(1, 6000))
names = pytest.mark.parametrize("name", SPECS)


def fitted(
    size: Size,
    photo: Size,
    asked: NetworkSpec = LITE,
    says: str | None = None,
    kind: DepthKind = INVERSE,
) -> DepthMap:
    """A map of this size beside a photo of that one; the file ``says`` which network's it is."""
    # A view of one number: the size alone counts.
    values = np.broadcast_to(np.float32(1), (size[1], size[0]))
    file = DepthFile(values, False, False, NumbersDescription(kind, says) if says else None)
    depth = DepthMap(values, kind, UPLOADED, Interpolation.NEAREST)
    return fitted_to_photo(depth, *photo, map_sizes(file, asked))


def is_taken(size: Size, photo: Size, asked: NetworkSpec = LITE) -> bool:
    try:
        fitted(size, photo, asked)
    except InvalidParameter:
        return False
    return True


def is_similar(size: Size, photo: Size) -> bool:
    stretch = size[0] * photo[1] / (size[1] * photo[0])
    return 1 / (1 + ASPECT_TOLERANCE) <= stretch <= 1 + ASPECT_TOLERANCE


def of_every_size(spec: NetworkSpec) -> Iterator[NetworkSpec]:
    """The network as a request may ask for it."""
    yield spec
    yield from map(spec.at_quality, Quality)
    if (sizes := spec.resolutions) is not None:
        step = spec.input_rule.multiple if spec.input_rule.fit is Fit.STRETCH else 1
        yield from (spec.at(size) for size in range(sizes.low, sizes.high + 1) if not size % step)


OF_EVERY_SIZE = {name: list(of_every_size(spec)) for name, spec in SPECS.items()}


def by_rule(rule: InputRule, photo: Size, detail: bool) -> Size:
    return (finer(rule) if detail else rule).map_size(*photo)


@names
@settings(max_examples=40)
@given(data=st.data(), photo=photos, detail=st.booleans())
def test_every_map_that_the_service_gives_is_taken_back(
    name: str, data: st.DataObject, photo: Size, detail: bool
) -> None:
    made, asked = (data.draw(st.sampled_from(OF_EVERY_SIZE[name])) for _ in range(2))
    size = by_rule(made.input_rule, photo, detail)
    depth = fitted(size, photo, asked)
    usual = asked.input_rule.map_size(*photo)
    is_own = size != usual and is_similar(size, photo)
    expected = Interpolation.NEAREST if is_own else SPECS[name].enlarge
    assert depth.enlarge is expected
    # In metres a reading is a reading, and between two of them is none.
    metres = fitted(size, photo, asked, kind=DepthKind.METRIC_DEPTH)
    assert metres.enlarge is Interpolation.NEAREST
    # A file that says whose it is needs no name, and is not taken for a client's own.
    assert fitted(size, photo, LITE, says=name).enlarge is SPECS[name].enlarge


@settings(max_examples=300)
@given(size=st.tuples(st.integers(1, 1100), st.integers(1, 1100)), photo=photos)
@example(size=(60, 60), photo=CHELSEA)
@example(size=(705, 448), photo=CHELSEA)
@example(size=(640, 360), photo=CHELSEA)
def test_a_size_that_no_network_gives_must_have_the_photos_shape(size: Size, photo: Size) -> None:
    multiple = LITE.input_rule.multiple
    assume(any(side % multiple for side in size))
    assert is_taken(size, photo) == is_similar(size, photo)


@pytest.mark.parametrize("name", [n for n in SPECS if SPECS[n].input_rule.fit is not Fit.STRETCH])
@settings(max_examples=40)
@given(data=st.data(), photo=photos, detail=st.booleans())
def test_a_turned_map_is_refused(name: str, data: st.DataObject, photo: Size, detail: bool) -> None:
    assume(max(photo) > 1.1 * min(photo))
    made = data.draw(st.sampled_from(OF_EVERY_SIZE[name]))
    width, height = by_rule(made.input_rule, photo, detail)
    assume(width != height)
    assert not is_taken((height, width), photo, SPECS[name])


# 704x448 is of 3:2, at twice 352x224.
@pytest.mark.parametrize(
    ("photo", "taken"),
    [((451, 300), True), ((1500, 1000), True), ((300, 451), False), ((1280, 720), False)],
)
def test_a_map_of_another_photos_shape_is_refused(photo: Size, taken: bool) -> None:
    assert is_taken((704, 448), photo) == taken
    assert is_taken((352, 224), photo) == taken


@names
def test_just_beyond_the_range_of_resolutions_nothing_is_taken(name: str) -> None:
    """Squares of a photo that is none: those that stretch, as far as their resolutions go."""
    spec = SPECS[name]
    if spec.input_rule.fit is not Fit.STRETCH:
        assert not is_taken((448, 448), (900, 300), spec)
        return
    targets = {asked.input_rule.target for asked in OF_EVERY_SIZE[name]}
    for side in range(spec.input_rule.multiple, 2 * max(targets) + 99, spec.input_rule.multiple):
        assert is_taken((side, side), (900, 300), spec) == (bool({side, side / 2} & targets))


def test_the_refusal_says_what_is_taken() -> None:
    with pytest.raises(InvalidParameter) as caught:
        fitted((60, 60), CHELSEA)
    for told in ("60x60", "451x300", "2%", "model", "resolutions", "detail=high"):
        assert told in caught.value.detail
