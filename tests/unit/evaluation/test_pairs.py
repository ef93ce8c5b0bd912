"""Photos with true depth: what is taken for truth, and what is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from service.evaluation.pairs import pairs_in

NO_TEXT = os.fsdecode(b"caf\xe9")


def pair(folder: Path, levels: np.ndarray, name: str = "a") -> None:
    Image.new("RGB", (4, 3)).save(folder / f"{name}.jpg")
    Image.fromarray(levels).save(folder / f"{name}.depth.png")


@pytest.mark.parametrize("name", ["a", "b c", NO_TEXT])
def test_16_bits_are_depth_in_the_units_that_are_said(tmp_path: Path, name: str) -> None:
    pair(tmp_path, np.full((3, 4), 2500, np.uint16), name)
    (found,) = pairs_in(tmp_path, 1000)
    assert found.photo == tmp_path / f"{name}.jpg"
    assert (found.truth == 2.5).all()


def test_8_bits_are_no_truth(tmp_path: Path) -> None:
    """A heatmap in grey, most likely: its levels would be scored as units of a metre."""
    pair(tmp_path, np.full((3, 4), 250, np.uint8))
    with pytest.raises(ValueError, match=r"a\.depth\.png has 8 bits"):
        list(pairs_in(tmp_path, 1000))


@pytest.mark.parametrize("content", [b"", b"no picture"])
def test_what_is_no_picture_is_named(tmp_path: Path, content: bytes) -> None:
    pair(tmp_path, np.zeros((3, 4), np.uint16))
    (tmp_path / "a.depth.png").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.depth\.png is not a depth map"):
        list(pairs_in(tmp_path, 1000))
