"""Encoders on a real depth map: the same picture, at very different prices.

    python -m load_tests.encoders [--rounds N]
    taskset --cpu-list 0 python -m load_tests.encoders      # on one CPU: no strips

Needs `pip install -e '.[bench]'`; writes results/encoders.json.
"""

from __future__ import annotations

import argparse
import functools
import io
import zlib
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from zlib_ng import zlib_ng

from load_tests.machine import write_result
from load_tests.sample import sample_depth
from load_tests.timing import medians
from service.imaging import png
from service.imaging.depth_map import DepthMap
from service.imaging.formats import OutputFormat, encode
from service.imaging.render import Colormap, heat_indices, palette

_SIZES = ((1280, 720), (4000, 3000))


def encoders(indices: NDArray[np.uint8]) -> dict[str, Callable[[], bytes]]:
    """Ways to write the same heatmap as PNG."""
    colours = palette(Colormap.INFERNO)
    rgb = np.frombuffer(colours, np.uint8).reshape(256, 3)[indices]
    bgr = np.ascontiguousarray(rgb[..., ::-1])
    filtered = np.diff(indices, axis=0, prepend=np.uint8(0)).tobytes()

    def by_cv2(*options: int) -> bytes:
        return cv2.imencode(".png", bgr, options)[1].tobytes()

    def by_pillow() -> bytes:
        image = Image.fromarray(indices)
        image.putpalette(colours)
        buffer = io.BytesIO()
        image.save(buffer, "PNG", compress_level=1)
        return buffer.getvalue()

    return {
        "cv2, RGB, default level": by_cv2,
        "cv2, RGB, level 1": functools.partial(by_cv2, cv2.IMWRITE_PNG_COMPRESSION, 1),
        "Pillow, palette, level 1": by_pillow,
        "zlib level 1 of Up-filtered rows (deflate only)": functools.partial(
            zlib.compress, filtered, 1
        ),
        "zlib-ng level 1 of the same (deflate only)": functools.partial(
            zlib_ng.compress, filtered, 1
        ),
        "this service, RGB": functools.partial(png.encode_rgb, rgb),
        "this service, palette": functools.partial(png.encode_indexed, indices, colours),
    }


def encoders_of_16_bits(depth: DepthMap) -> dict[str, Callable[[], bytes]]:
    """Ways to write the same map as 16-bit PNG, its quantising included."""

    def by_cv2() -> bytes:
        levels = cv2.normalize(depth.values, None, 0, 65535, cv2.NORM_MINMAX, cv2.CV_16U)  # type: ignore[call-overload]
        return bytes(cv2.imencode(".png", levels)[1])

    return {
        "16-bit, cv2": by_cv2,
        "16-bit, this service": functools.partial(encode, depth, OutputFormat.DEPTH16),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    figures: dict[str, object] = {}
    for width, height in _SIZES:
        depth = sample_depth(width, height)
        ways = encoders(heat_indices(depth)) | encoders_of_16_bits(depth)
        times = medians(ways, arguments.rounds)
        ours = times["this service, palette"]
        print(f"{f'heatmap {width}x{height}':50} {'ms':>8} {'ratio':>6} {'kB':>6}")
        for name, took in times.items():
            print(f"{name:50} {took:>8} {took / ours:>6.1f} {len(ways[name]()) / 1000:>6.0f}")
        figures[f"{width}x{height}"] = {
            name: {"ms": took, "bytes": len(ways[name]())} for name, took in times.items()
        }
    write_result("encoders", figures)


if __name__ == "__main__":
    main()
