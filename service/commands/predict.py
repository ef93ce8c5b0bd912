"""``predict``: a photo from a file, or a folder of them, without a server."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from service.commands.failing import fail
from service.errors import DepthError, InvalidParameter
from service.imaging.encode import EncodeOptions
from service.imaging.formats import FORMATS, OutputFormat, encode
from service.imaging.render import Colormap, Normalization
from service.models.spec import Quality
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import (
    OfflineNetwork,
    files_in,
    is_photo,
    output_name,
    refuse_own_outputs,
)
from service.settings import Settings

_FORMAT_OF_SUFFIX = {record.suffix: name for name, record in FORMATS.items()}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``predict``."""
    parser = subparsers.add_parser("predict", help="depth of a photo or folder, without a server")
    parser.add_argument("photo", type=Path, help="a photo, or a folder of photos")
    parser.add_argument(
        *("-o", "--output"),
        type=Path,
        help="a file; for a folder, a folder. Default: beside the photo or folder",
    )
    suffixes = ", ".join(_FORMAT_OF_SUFFIX)
    add_encode_arguments(
        parser, f"default: by the output's suffix ({suffixes}), else heatmap", default=None
    )
    parser.set_defaults(run=_predict)


def add_encode_arguments(
    parser: argparse.ArgumentParser, format_help: str, default: OutputFormat | None
) -> None:
    """Add what says how depth is written, and by which network it is estimated."""
    parser.add_argument(
        "--format",
        choices=list(OutputFormat),
        type=OutputFormat,
        default=default,
        help=format_help,
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
        "--size",
        choices=list(OutputSize),
        type=OutputSize,
        help="default: network for json, else original",
    )
    add_network_arguments(parser)


def add_network_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what says by which network depth is estimated."""
    parser.add_argument("--model", help="default: DEPTH_MODEL")
    size = parser.add_mutually_exclusive_group()
    size.add_argument(
        "--resolution", type=int, help="of the network's input; default: its usual one"
    )
    size.add_argument("--quality", choices=list(Quality), type=Quality, help="the same by a name")


def encode_options(arguments: argparse.Namespace, settings: Settings) -> EncodeOptions:
    """What the arguments of :func:`add_encode_arguments` say."""
    return EncodeOptions(
        arguments.colormap, arguments.normalize, max_json_pixels=settings.max_json_pixels
    )


def network_of(arguments: argparse.Namespace, settings: Settings) -> OfflineNetwork:
    """The network that the arguments of :func:`add_encode_arguments` ask for."""
    return OfflineNetwork(arguments.model, settings, arguments.resolution, arguments.quality)


def format_of(output: Path) -> OutputFormat | None:
    """By the suffix of a file's name, the longest that fits; a heatmap without any."""
    name = output.name.lower()
    fitting = [suffix for suffix in _FORMAT_OF_SUFFIX if name.endswith(suffix)]
    if fitting:
        return _FORMAT_OF_SUFFIX[max(fitting, key=len)]
    return None if output.suffix else OutputFormat.HEATMAP


def _predict(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.photo.is_dir():
        return _predict_folder(arguments, settings)
    output: Path = arguments.output or output_name(
        arguments.photo, arguments.format or OutputFormat.HEATMAP
    )
    format = arguments.format or format_of(output)
    if format is None:
        suffixes = ", ".join(_FORMAT_OF_SUFFIX)
        return fail(f"{output}: end its name in {suffixes}, or say --format")
    try:
        data = arguments.photo.read_bytes()
    except OSError as error:
        return fail(f"{arguments.photo}: {error.strerror}")
    size = arguments.size or OutputSize.default_of(format)
    depth = network_of(arguments, settings).depth(data, size)
    try:
        output.write_bytes(encode(depth, format, encode_options(arguments, settings)))
    except OSError as error:
        return fail(f"{output}: {error.strerror}")
    print(
        f"{output}: {format}, {depth.width}x{depth.height}, "
        f"{depth.model}, {depth.kind}, min {depth.extent[0]:.9g}, max {depth.extent[1]:.9g}"
    )
    return 0


def _predict_folder(arguments: argparse.Namespace, settings: Settings) -> int:
    """Every photo of a folder; a bad one is reported and left out."""
    format = arguments.format or OutputFormat.HEATMAP
    outputs: Path = arguments.output or _beside(arguments.photo, format)
    refuse_own_outputs(arguments.photo, outputs)
    files = list(files_in(arguments.photo))
    photos = list(filter(is_photo, files))
    others = len(files) - len(photos)
    left_out = f"; {others} of other types left out" if others else ""
    if not photos:
        return fail(f"{arguments.photo}: no photos in it{left_out}")
    network = network_of(arguments, settings)
    size = arguments.size or OutputSize.default_of(format)
    options = encode_options(arguments, settings)
    failed = 0
    for photo in tqdm(photos, unit="photo"):
        output = outputs / output_name(photo, format)
        try:
            depth = network.depth((arguments.photo / photo).read_bytes(), size)
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_bytes(encode(depth, format, options))
        except DepthError as error:
            failed += 1
            tqdm.write(f"{photo}: {error.detail}", file=sys.stderr)
        except OSError as error:
            failed += 1
            tqdm.write(f"{photo}: {error.strerror or error}", file=sys.stderr)
    print(f"{outputs}: {len(photos) - failed} done, {failed} failed{left_out}")
    return 1 if failed else 0


def _beside(folder: Path, format: OutputFormat) -> Path:
    """Where a folder's outputs go that nobody gave a place: ``photos-heatmap`` beside ``photos``.

    Raises :class:`InvalidParameter` for a folder that has no name, and nothing beside it.
    """
    name = folder.resolve().name
    if not name:
        raise InvalidParameter("-o is missing: there is nothing beside this folder.")
    # As the caller wrote it, unless that ends in dots.
    place = folder if folder.name not in ("", "..") else folder.resolve()
    return place.with_name(f"{name}-{format}")
