"""``predict``: one photo from a file, without a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from service.imaging.decode import read_header
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions, OutputFormat, encode
from service.imaging.network_input import network_input
from service.imaging.render import Colormap, Normalization
from service.imaging.transforms import to_image_size
from service.inference.engines.selection import load_for_serving
from service.models.registry import find_spec
from service.pipeline import OutputSize
from service.settings import Settings

_FORMAT_OF_SUFFIX = {".npy": OutputFormat.NPY, ".json": OutputFormat.JSON}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``predict``."""
    parser = subparsers.add_parser("predict", help="depth of one photo, without a server")
    parser.add_argument("photo", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument(
        "--format",
        choices=list(OutputFormat),
        type=OutputFormat,
        help="default: by the output's suffix (.npy, .json), else heatmap",
    )
    parser.add_argument(
        "--colormap", choices=list(Colormap), type=Colormap, default=Colormap.INFERNO
    )
    parser.add_argument(
        "--normalize",
        choices=list(Normalization),
        type=Normalization,
        default=Normalization.MINMAX,
    )
    parser.add_argument(
        "--size", choices=list(OutputSize), type=OutputSize, default=OutputSize.ORIGINAL
    )
    parser.add_argument("--model", help="default: DEPTH_MODEL")
    parser.set_defaults(run=_predict)


def _predict(arguments: argparse.Namespace, settings: Settings) -> int:
    try:
        data = arguments.photo.read_bytes()
    except OSError as error:
        return _fail(f"{arguments.photo}: {error.strerror}")
    read_header(data, settings.max_pixels)
    network = load_for_serving(find_spec(arguments.model or settings.model), settings)
    photo = network_input(data, network.spec.input_rule, settings.scaled_decode)
    values = network.engine.infer(photo.tensor[np.newaxis])[0]
    if arguments.size is OutputSize.ORIGINAL:
        values = to_image_size(values, photo.width, photo.height)
    depth = DepthMap(values, network.spec.kind, network.spec.name)
    suffix = arguments.output.suffix.lower()
    options = EncodeOptions(
        arguments.format or _FORMAT_OF_SUFFIX.get(suffix, OutputFormat.HEATMAP),
        arguments.colormap,
        arguments.normalize,
        max_json_pixels=settings.max_json_pixels,
    )
    try:
        arguments.output.write_bytes(encode(depth, options))
    except OSError as error:
        return _fail(f"{arguments.output}: {error.strerror}")
    print(
        f"{arguments.output}: {options.format}, {depth.width}x{depth.height}, "
        f"{depth.model}, {depth.kind}, min {depth.extent[0]:.9g}, max {depth.extent[1]:.9g}"
    )
    return 0


def _fail(reason: str) -> int:
    print(reason, file=sys.stderr)
    return 2
