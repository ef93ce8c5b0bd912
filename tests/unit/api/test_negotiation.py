from __future__ import annotations

import pytest

from service.api.negotiation import choose_format
from service.errors import NotAcceptable
from service.imaging.formats import OutputFormat

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
    assert choose_format(None, accept) is expected


@pytest.mark.parametrize(
    "accept",
    [
        *("video/mp4", "image/webp", "image/png;q=0", "garbage", ","),
        *("text/html, application/problem+json", "application/problem+json;q=0"),
    ],
)
def test_accept_that_nothing_matches(accept: str) -> None:
    with pytest.raises(NotAcceptable, match="image/png"):
        choose_format(None, accept)


def test_format_parameter_wins() -> None:
    assert choose_format(OutputFormat.DEPTH16, "video/mp4") is OutputFormat.DEPTH16
