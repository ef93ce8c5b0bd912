"""Pictures for OpenCV, from files of any name."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray


def read_picture(path: Path, flags: int) -> NDArray[Any] | None:
    """As ``cv2.imread``, which ends the process at a name that is no text; None if undecodable.

    Raises OSError for a file that cannot be read.
    """
    data = np.frombuffer(path.read_bytes(), np.uint8)
    return cv2.imdecode(data, flags) if data.size else None
