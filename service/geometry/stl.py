"""Triangles as binary STL.

3D Systems, "StereoLithography Interface Specification", 1988. STL has no unit; slicers take
millimetres.
"""

from __future__ import annotations

import struct
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

MEDIA_TYPE = "model/stl"

# A file that begins with "solid" would be taken for STL as text.
_HEADER = b"depth-service, in mm".ljust(80)
_FACET = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def begin_stl(file: BinaryIO, facets: int) -> None:
    """Write what stands before so many facets."""
    file.write(_HEADER + struct.pack("<I", facets))


def add_facets(file: BinaryIO, triangles: NDArray[np.float32]) -> None:
    """Write ``triangles`` ``(n, 3, 3)`` float32 in millimetres, with their unit normals.

    The three corners are counter-clockwise seen from outside, and not on one line.
    """
    facets = np.zeros(len(triangles), _FACET)
    facets["corners"] = triangles
    # A facet far away is large: squares of its area leave float32.
    first, second, third = (triangles[:, corner].astype(np.float64) for corner in range(3))
    normals = np.cross(second - first, third - first)
    facets["normal"] = normals / np.linalg.norm(normals, axis=1, keepdims=True)
    file.write(facets.data)
