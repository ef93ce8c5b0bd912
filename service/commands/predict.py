"""``predict``: a photo from a file, or a folder of them, without a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from service.api.depth_query import DepthQuery
from service.commands.failing import fail
from service.commands.folder import beside
from service.commands.options import add_options, given_options
from service.commands.output import listed, options_by_name, refuse_file_name, refuse_own_input
from service.errors import DepthError
from service.imaging.formats import FILE_KINDS, OutputFormat, readers
from service.imaging.options import refuse_unread
from service.models.spec import Quality
from service.pipeline.offline import (
    OfflineDepth,
    check_outputs_folder,
    files_in,
    is_photo,
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


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says by which network depth is estimated."""
    parser.add_argument("--model", help="default: DEPTH_MODEL")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--resolution", type=int, help="of the network's input; default: its usual one"
    )
    size.add_argument("--quality", choices=list(Quality), type=Quality, help="the same by a name")


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
    """Every photo of a folder; a bad one is reported and left out."""
    format = arguments.format or OutputFormat.HEATMAP
    outputs: Path = arguments.output or beside(arguments.photo, format)
    check_outputs_folder(arguments.photo, outputs)
    refuse_file_name(outputs, FILE_KINDS)
    files = list(files_in(arguments.photo))
    photos = list(filter(is_photo, files))
    others = len(files) - len(photos)
    left_out = f"; {others} of other types left out" if others else ""
    if not photos:
        return fail(f"{arguments.photo}: no photos in it{left_out}")
    wanted = depth_of(arguments, format, settings)
    network = wanted.network(settings)
    failed = 0
    for photo in tqdm(photos, unit="photo"):
        output = outputs / output_name(photo, format)
        try:
            body, _ = wanted.make(network, (arguments.photo / photo).read_bytes())
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(body)
        except DepthError as error:
            failed += 1
            tqdm.write(f"{photo}: {error.detail}", file=sys.stderr)
        except OSError as error:
            failed += 1
            tqdm.write(f"{photo}: {error.strerror or error}", file=sys.stderr)
    print(f"{outputs}: {len(photos) - failed} done, {failed} failed{left_out}")
    return 1 if failed else 0
