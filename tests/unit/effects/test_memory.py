"""What the effects take for a photo of 12 megapixels."""

from __future__ import annotations

import subprocess
import sys

import pytest

# A process of its own, because a peak cannot be reset.
PROGRAM = """
import resource
import sys

import cv2
import numpy as np

from service.geometry.mesh import MeshOptions
from service.effects.obstacle import ObstacleOptions, draw_danger_zone
from service.effects.parallax import ParallaxOptions, encode_parallax
from service.effects.pointcloud import encode_glb
from service.effects.portrait import PortraitOptions, blur_background
from service.effects.relief import ReliefOptions, shaded_relief
from tests.support.depths import motorcycle_inverse, inverse_depth
from tests.support.photos import photo_pixels

pixels = cv2.resize(photo_pixels("motorcycle_left.png"), (4000, 3000))
depth = inverse_depth(cv2.resize(motorcycle_inverse().values, (4000, 3000)))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
effects = {
    "obstacle": lambda: draw_danger_zone(pixels, depth, ObstacleOptions(max_side=4096)),
    "relief": lambda: shaded_relief(pixels, depth, ReliefOptions(max_side=4096)),
    "portrait": lambda: blur_background(
        pixels, depth, PortraitOptions(max_side=4096, focus="0.5,0.5", aperture=1)
    ),
    "parallax": lambda: encode_parallax(pixels, depth, ParallaxOptions()),
    "mesh": lambda: encode_glb(pixels, depth, MeshOptions(max_side=2048)),
}
effects[sys.argv[1]]()
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
@pytest.mark.parametrize("effect", ["obstacle", "relief", "portrait", "parallax", "mesh"])
def test_12_megapixels_take_less_than_a_gigabyte(effect: str) -> None:
    program = [sys.executable, "-c", PROGRAM, effect]
    megabytes = int(subprocess.run(program, capture_output=True, check=True, text=True).stdout)
    assert megabytes < 1000
