"""Depth in millimetres: what is told, and what is no reading."""

from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from service.errors import InvalidParameter
from service.imaging.decode import decode_grey
from service.imaging.depth_kind import DepthKind
from service.imaging.depth_map import DepthMap
from service.imaging.formats import FORMATS, OutputFormat, encode
from service.imaging.uploaded_depth import DepthMeaning, depth_map_of, read_depth_file

MM16 = OutputFormat.MM16
METRES = np.array([[0.0001, 0.4504, 2.1116], [65.535, 65.536, np.inf], [np.nan, 1, 30]], np.float32)
MILLIMETRES = np.array([[1, 450, 2112], [65535, 0, 0], [0, 1000, 30000]])


def metric(values: np.ndarray) -> DepthMap:
    return DepthMap(values.astype(np.float32), DepthKind.METRIC_DEPTH, "some_network")


def test_other_readers_see_millimetres() -> None:
    data = encode(metric(METRES), MM16)
    picture = Image.open(io.BytesIO(data))
    assert picture.mode == "I;16"
    assert np.asarray(picture).tolist() == MILLIMETRES.tolist()
    by_opencv = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert by_opencv is not None
    assert by_opencv.dtype == np.uint16
    assert by_opencv.tolist() == MILLIMETRES.tolist()


@pytest.mark.parametrize("meaning", [DepthMeaning(), DepthMeaning(DepthKind.METRIC_DEPTH)])
def test_the_service_reads_them_back_as_metres(meaning: DepthMeaning) -> None:
    file = read_depth_file(
        encode(metric(METRES), MM16), 100, lambda picture: decode_grey(picture, 100)
    )
    back = depth_map_of(file, meaning, DepthKind.RELATIVE_DEPTH)
    assert back.kind is DepthKind.METRIC_DEPTH
    expected = np.where(MILLIMETRES == 0, np.nan, MILLIMETRES / 1000)
    np.testing.assert_allclose(back.values, expected, rtol=1e-6)


@pytest.mark.parametrize("format", [name for name, one in FORMATS.items() if one.metric_only])
@pytest.mark.parametrize("kind", [kind for kind in DepthKind if kind.unit is None])
def test_relative_depth_has_no_millimetres(format: OutputFormat, kind: DepthKind) -> None:
    with pytest.raises(InvalidParameter, match="anchors"):
        encode(DepthMap(METRES, kind, "some_network"), format)


def test_a_zip_without_a_camera_is_not_written() -> None:
    with pytest.raises(InvalidParameter, match="camera"):
        encode(metric(METRES), OutputFormat.ROS)
