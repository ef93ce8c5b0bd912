"""``predict``: one photo from a file, without a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np

from service.imaging.decode import decode_photo, read_header
from service.imaging.depth_map import DepthMap
from service.imaging.encode import EncodeOptions, OutputFormat, encode
from service.imaging.render import Colormap
from service.imaging.transforms import to_image_size, to_tensor
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
    photo = decode_photo(data)
    tensor = to_tensor(photo, network.spec.input_rule)
    values = network.engine.infer(tensor[np.newaxis])[0]
    height, width = photo.shape[:2]
    depth = DepthMap(to_image_size(values, width, height), network.spec.kind, network.spec.name)
    options = EncodeOptions(
        arguments.format, arguments.colormap, max_json_pixels=settings.max_json_pixels
    )
    arguments.output.write_bytes(encode(depth, options))
    return 0
