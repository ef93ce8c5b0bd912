from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from service.models.registry import find_spec
from service.models.spec import EMBEDDED_DIR, SAMPLE_PHOTO
from training import before_after
from training.student import NAME, from_weights, save

EMBEDDED = EMBEDDED_DIR / find_spec(NAME).weights.file


def rows_of(before: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The sheet of one photo: what was made before, and now."""
    sheet = tmp_path / "sheet.png"
    arguments = ["before_after", str(sheet), str(SAMPLE_PHOTO), "--before", str(before)]
    monkeypatch.setattr(sys, "argv", arguments)
    before_after.main()
    return np.split(np.asarray(cv2.imread(str(sheet))).astype(int), 2)


def test_each_row_is_of_its_own_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before, now = rows_of(EMBEDDED, tmp_path, monkeypatch)
    assert (before == now).all()
    student = from_weights(EMBEDDED)
    for parameter in student.network.reduce.parameters():
        parameter.data.neg_()
    save(student, tmp_path / "other.safetensors")
    other, still = rows_of(tmp_path / "other.safetensors", tmp_path, monkeypatch)
    assert (still == now).all()
    # Heatmap, portrait, relief and 3D.
    for own, others in zip(np.split(now, 4, axis=1), np.split(other, 4, axis=1), strict=True):
        assert np.abs(own - others).mean() > 1


def test_a_sheet_that_cannot_be_written_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(OSError, match=r"missing/sheet\.png cannot be written"):
        rows_of(EMBEDDED, tmp_path / "missing", monkeypatch)
