"""What holds for every format of depth maps, by its record: a forgotten part fails by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import service
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions
from service.imaging.formats import FORMATS, OutputFormat, encode

ROOT = Path(service.__file__).parents[1]


def test_every_name_has_its_record() -> None:
    assert list(FORMATS) == list(OutputFormat)


def test_suffixes_tell_formats_apart() -> None:
    assert len({record.suffix for record in FORMATS.values()}) == len(FORMATS)


def test_formats_that_accept_can_choose_differ_in_media_type() -> None:
    negotiated = [record.media_type for record in FORMATS.values() if record.negotiates]
    assert len(set(negotiated)) == len(negotiated)


@pytest.mark.parametrize("format", OutputFormat)
def test_it_writes_a_map_and_is_documented(format: OutputFormat) -> None:
    values = np.linspace(1, 2, 12, dtype=np.float32).reshape(3, 4)
    options = EncodeOptions(camera_info={"width": 4})
    assert encode(DepthMap(values, DepthKind.METRIC_DEPTH, "test"), format, options)
    assert f"`{format}`" in (ROOT / "docs" / "http.md").read_text(encoding="utf-8")
