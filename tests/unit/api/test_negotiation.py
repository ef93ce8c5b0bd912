from __future__ import annotations

import pytest

from service.api.negotiation import choose_format
from service.errors import NotAcceptable
from service.imaging.depth_kind import DepthKind
from service.imaging.formats import FORMATS, OutputFormat

RELATIVE, METRIC = DepthKind.RELATIVE_INVERSE_DEPTH, DepthKind.METRIC_DEPTH
OF_METRES = [name for name, one in FORMATS.items() if one.metric_only and one.negotiates]
HEATMAP, JSON, NPY = OutputFormat.HEATMAP, OutputFormat.JSON, OutputFormat.NPY


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", HEATMAP),
        ("*/*", HEATMAP),
        ("image/*", HEATMAP),
        ("image/png", HEATMAP),
        ("application/json", JSON),
        ("application/*", JSON),
        ("application/x-npy", NPY),
        ("APPLICATION/JSON", JSON),
        ("application/json;q=0.5, image/png;q=0.4", JSON),
        ("application/json;q=0.5, image/png", HEATMAP),
        ("image/png;q=0, */*", JSON),
        ("application/x-npy, */*;q=0.1", NPY),
        ("text/html, application/xhtml+xml, image/avif, image/webp, */*;q=0.8", HEATMAP),
        ("garbage, application/json", JSON),
        ("application/json;q=abc, application/x-npy", NPY),
        ("application/octet-stream", HEATMAP),
        ("application/octet-stream, application/json", JSON),
        ("application/problem+json", HEATMAP),
        ("application/problem+json, application/json", JSON),
    ],
)
def test_accept(accept: str, expected: OutputFormat) -> None:
    assert choose_format(None, accept, RELATIVE) is expected


@pytest.mark.parametrize(
    "accept",
    [
        *("video/mp4", "image/webp", "image/png;q=0", "garbage", ","),
        *("text/html, application/problem+json", "application/problem+json;q=0"),
    ],
)
def test_accept_that_nothing_matches(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="image/png"):
        choose_format(None, accept, RELATIVE)


def test_format_parameter_wins() -> None:
    assert choose_format(OutputFormat.DEPTH16, "video/mp4", RELATIVE) is OutputFormat.DEPTH16


@pytest.mark.parametrize("format", OF_METRES)
def test_what_holds_metres_is_on_offer_for_metres(format: OutputFormat) -> None:
    media_type = FORMATS[format].media_type
    for accept in (media_type, f"{media_type}, */*;q=0.1", f"{media_type}, image/png;q=0.9"):
        assert choose_format(None, accept, METRIC) is format


@pytest.mark.parametrize("kind", [kind for kind in DepthKind if kind is not METRIC])
@pytest.mark.parametrize("format", OF_METRES)
def test_what_holds_metres_is_not_on_offer_for_other_depth(
    format: OutputFormat, kind: DepthKind
) -> None:
    media_type = FORMATS[format].media_type
    for accept in (f"{media_type}, */*;q=0.1", f"{media_type}, image/png;q=0.9"):
        assert choose_format(None, accept, kind) is HEATMAP
    with pytest.raises(NotAcceptable, match=f"{media_type} holds metres.* {kind}. Give anchors"):
        choose_format(None, media_type, kind)
    assert choose_format(format, "*/*", kind) is format


@pytest.mark.parametrize("kind", DepthKind)
@pytest.mark.parametrize("format", [name for name, one in FORMATS.items() if one.negotiates])
def test_what_accept_chooses_can_be_written(format: OutputFormat, kind: DepthKind) -> None:
    chosen = choose_format(None, f"{FORMATS[format].media_type}, */*;q=0.1", kind)
    assert FORMATS[chosen].holds(kind)
