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
from service.imaging.render import Colormap
from service.imaging.transforms import to_image_size
from service.inference.engines.selection import load_for_serving
from service.models.registry import find_spec
from service.settings import Settings


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``predict``."""
    parser = subparsers.add_parser("predict", help="depth of one photo, without a server")
    parser.add_argument("photo", type=Path)
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument(
        "--format", type=OutputFormat, default=OutputFormat.HEATMAP, choices=list(OutputFormat)
    )
    parser.add_argument(
        "--colormap", type=Colormap, default=Colormap.INFERNO, choices=list(Colormap)
    )
    parser.add_argument("--model", help="default: DEPTH_MODEL")
    parser.set_defaults(run=_predict)


def _predict(arguments: argparse.Namespace, settings: Settings) -> int:
    network = load_for_serving(find_spec(arguments.model or settings.model), settings)
    try:
        data = arguments.photo.read_bytes()
    except OSError as error:
        print(f"{arguments.photo}: {error.strerror}", file=sys.stderr)
        return 2
    read_header(data, settings.max_pixels)
    photo = network_input(data, network.spec.input_rule, settings.scaled_decode)
    values = network.engine.infer(photo.tensor[np.newaxis])[0]
    depth = DepthMap(
        to_image_size(values, photo.width, photo.height), network.spec.kind, network.spec.name
    )
    options = EncodeOptions(
        arguments.format, arguments.colormap, max_json_pixels=settings.max_json_pixels
    )
    arguments.output.write_bytes(encode(depth, options))
    return 0
