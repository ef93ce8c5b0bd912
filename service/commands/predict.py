"""``predict``: a photo from a file, or a folder of them, without a server."""

from __future__ import annotations

import argparse
from pathlib import Path

from service.api.depth_query import DepthQuery
from service.commands.folder import beside, photo_order, run_folder
from service.commands.options import add_options, given_options
from service.commands.output import listed, options_by_name, refuse_own_input
from service.imaging.formats import FILE_KINDS, OutputFormat, readers
from service.imaging.options import refuse_unread
from service.pipeline.offline import (
    OfflineDepth,
    output_name,
)
from service.settings import Settings


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``predict``."""
    parser = subparsers.add_parser("predict", help="depth of a photo or folder, without a server")
    parser.add_argument("photo", type=Path, help="a photo, or a folder of photos")
    parser.add_argument(
        *("-o", "--output"),
        type=Path,
        help="a file; for a folder, a folder. Default: beside the photo or folder",
    )
    suffixes = listed(FILE_KINDS)
    add_depth_arguments(parser, f"default: by the output's suffix ({suffixes}), else heatmap")
    parser.set_defaults(run=_predict)


def add_depth_arguments(parser: argparse.ArgumentParser, format_help: str) -> None:
    """Add what says how depth is made and written: the parameters of ``/v1/depth``."""
    parser.add_argument("--format", choices=list(OutputFormat), type=OutputFormat, help=format_help)
    add_options(parser, DepthQuery, left_out=("format",))


def depth_of(
    arguments: argparse.Namespace, format: OutputFormat, settings: Settings
) -> OfflineDepth:
    """What the arguments of :func:`add_depth_arguments` say; raises :class:`InvalidParameter`."""
    query = given_options(arguments, DepthQuery)
    refuse_unread(query.model_fields_set, [format], readers())
    return query.offline(format, settings.max_json_pixels)


def _predict(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.photo.is_dir():
        return _predict_folder(arguments, settings)
    output: Path | None = arguments.output
    format = arguments.format or OutputFormat.HEATMAP
    if output is None:
        output = output_name(arguments.photo, format)
    else:
        format = options_by_name(output, FILE_KINDS, arguments).get("format", format)
    data = arguments.photo.read_bytes()
    refuse_own_input(arguments.photo, output)
    wanted = depth_of(arguments, format, settings)
    body, depth = wanted.make(wanted.network(settings), data)
    output.write_bytes(body)
    low, high = depth.reported_extent
    print(
        f"{output}: {format}, {depth.width}x{depth.height}, "
        f"{depth.model}, {depth.kind}, min {low:.9g}, max {high:.9g}"
    )
    return 0


def _predict_folder(arguments: argparse.Namespace, settings: Settings) -> int:
    """Every photo of a folder, one after the other in this process."""
    format = arguments.format or OutputFormat.HEATMAP
    outputs: Path = arguments.output or beside(arguments.photo, format)
    wanted = depth_of(arguments, format, settings)
    order = photo_order(arguments.photo, outputs, FILE_KINDS, wanted, settings)
    return run_folder(order, outputs)
