"""A fit that the service answers is one that it takes, whatever its numbers' size."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from service.api.headers import written_fit
from service.api.metres import MetresQuery
from service.errors import InvalidParameter
from service.geometry.metres import MetresOptions, metres_of
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.uploaded_depth import LARGEST_VALUE

RELATIVE = [kind for kind in DepthKind if kind.unit is None]
NEAR, FAR = 0.95, 0.05
metres = st.floats(0.01, 1000).map(lambda value: round(value, 6))


@pytest.mark.parametrize("kind", RELATIVE)
@given(
    exponent=st.integers(-12, 12), offset=st.floats(-1e4, 1e4), near=metres, farther=st.floats(1, 9)
)
@example(exponent=-12, offset=0, near=0.01, farther=100000)
@example(exponent=-12, offset=1e4, near=0.01, farther=100000)
@example(exponent=12, offset=0, near=999.999999, farther=1.0000001)
@example(exponent=-9, offset=2.5, near=0.6, farther=5)
@example(exponent=-12, offset=0, near=999.99999, farther=2)
def test_a_fit_that_is_answered_is_taken_and_gives_the_same_metres(
    kind: DepthKind, exponent: int, offset: float, near: float, farther: float
) -> None:
    shares = np.tile(np.linspace(0, 1, 21, dtype=np.float32), (21, 1))
    inverse = kind is DepthKind.RELATIVE_INVERSE_DEPTH
    values = ((shares if inverse else 1 - shares) + np.float32(offset)) * np.float32(10**exponent)
    assume(np.ptp(values) >= 1e-12 and np.abs(values).max() <= LARGEST_VALUE)
    depth = DepthMap(values, kind, "test")
    far = min(near * farther, 1000.0)
    try:
        fitted = metres_of(depth, MetresOptions(((NEAR, 0.5, near), (FAR, 0.5, far))))
    except InvalidParameter:
        return
    sent = written_fit(fitted.fit)
    assert "+" not in sent
    back = metres_of(depth, MetresQuery(calibration=sent).metres)
    assert back.fit == fitted.fit
    assert np.array_equal(back.apply(depth).values, fitted.apply(depth).values, equal_nan=True)


@given(st.floats(allow_nan=False, allow_infinity=False))
@example(sys.float_info.max)
@example(-sys.float_info.min)
@example(5e-324)
@example(1e16)
@example(-0.00012345678901234567)
def test_every_number_is_read_as_it_was_written(number: float) -> None:
    # With a plus as JavaScript writes it, with a capital as C# does.
    texts = {written_fit((number, 1.0)), f"{number!r},1.0", f"{number!r},1.0".upper()}
    for text in texts:
        assert MetresQuery(calibration=text).metres.calibration == (number, 1.0)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "nan,1",
            "1,nan",
            "inf,1",
            "-inf,1",
            "infinity,1",
            "1",
            "1,2,3",
            ",1",
            "1,",
            "",
            "0x1p3,1",
        ),
        *("1 ,2", "1e 16,1", "1e,1", "e5,1", "1_0,1", "١,1", "1e1e1,1", "--1,1"),
        *("9" * 22 + ",1", "0." + "1" * 25 + ",1", "1e" + "0" * 4 + ",1"),
    ],
)
def test_what_is_no_number_or_endless_is_none(text: str) -> None:
    with pytest.raises(ValidationError, match="intercept,slope"):
        MetresQuery(calibration=text)


@pytest.mark.parametrize("kind", RELATIVE)
@pytest.mark.parametrize("fit", ["1e999,1", "-1e999,1", "1,1e999", "1,1.1e20", "-1.1e20,1"])
def test_numbers_beyond_any_fit_are_refused_in_words(kind: DepthKind, fit: str) -> None:
    depth = DepthMap(np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4), kind, "test")
    options = MetresQuery(calibration=fit).metres
    assert options.calibration is not None
    assert max(map(math.fabs, options.calibration)) > 1e20
    with pytest.raises(InvalidParameter, match="no number of the fit may be beyond"):
        metres_of(depth, options)


def test_anchors_whose_fit_would_not_be_taken_are_refused() -> None:
    """All of it rounds to the farthest that there is."""
    values = np.tile(np.linspace(1e-12, 0, 21, dtype=np.float32), (21, 1))
    depth = DepthMap(values, DepthKind.RELATIVE_DEPTH, "test")
    anchors = ((NEAR, 0.5, 999.99999), (FAR, 0.5, 1000.0))
    with pytest.raises(InvalidParameter, match="anchors: the fit puts the whole photo"):
        metres_of(depth, MetresOptions(anchors))
