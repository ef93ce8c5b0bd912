"""What two parameters of ``/v1/depth`` say against each other."""

from __future__ import annotations

from itertools import combinations

import pytest
from pydantic import ValidationError

from service.api.depth_query import DepthQuery
from service.imaging.formats import OutputFormat
from service.imaging.render import CENTRAL, Normalization

LIMITS = {"near": 0.5, "far": 0.3}
SOME_LIMITS = [dict(some) for size in (1, 2) for some in combinations(LIMITS.items(), size)]


@pytest.mark.parametrize("format", OutputFormat)
@pytest.mark.parametrize("limits", SOME_LIMITS, ids="-".join)
def test_the_ends_of_the_colours_are_said_once(
    limits: dict[str, float], format: OutputFormat
) -> None:
    said_twice = f"^.*\n  {' and '.join(limits)} or normalize=percentile, not both"
    with pytest.raises(ValidationError, match=said_twice):
        DepthQuery(format=format, normalize=Normalization.PERCENTILE, **limits)
    assert DepthQuery(format=format, **limits).representation(format, 1).near == limits.get("near")


def test_defaults_sent_along_say_nothing() -> None:
    """Forms send them all."""
    low, high = CENTRAL
    DepthQuery(near=0.5, normalize=Normalization.MINMAX, low=low, high=high)
    DepthQuery(near=None, far=None, normalize=Normalization.PERCENTILE, low=low, high=high)
