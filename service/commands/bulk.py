"""``bulk``: a folder of very many photos, or of clips, on a Ray cluster."""

from __future__ import annotations

import argparse
import functools
import importlib.util
from pathlib import Path

from service.bulk.clips import ClipOrder
from service.bulk.cluster import on_ray
from service.bulk.worker import Order
from service.commands.failing import fail
from service.commands.folder import folder_order, photo_order, run_folder, workers_of
from service.commands.options import flag
from service.commands.predict import add_depth_arguments, depth_of
from service.commands.video import add_look_arguments, order_of
from service.errors import InvalidParameter
from service.imaging.formats import FILE_KINDS, OutputFormat
from service.settings import Settings
from service.video.targets import target_for

# What depth of a photo and of a clip have in common.
_OF_BOTH = {"model", "resolution", "quality", "colormap", "anchors"}


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``bulk``."""
    parser = subparsers.add_parser("bulk", help="depth of a folder of very many photos, on Ray")
    parser.add_argument("photos", type=Path, help="folder of photos or clips, with its subfolders")
    parser.add_argument("outputs", type=Path, help="folder for the outputs and the report")
    add_depth_arguments(parser, "default: heatmap")
    parser.add_argument(
        "--video", metavar="SUFFIX", help="clips, not photos; of the outputs: .mp4, .mkv, .zip, ..."
    )
    add_look_arguments(parser)
    parser.add_argument("--address", help="of a Ray cluster; default: this machine's cores")
    parser.add_argument("--workers", type=int, help="processes; default: one per core")
    parser.set_defaults(run=_bulk)


def _bulk(arguments: argparse.Namespace, settings: Settings) -> int:
    _refuse_what_does_nothing(arguments)
    if not arguments.photos.is_dir():
        return fail(f"{arguments.photos}: no such folder")
    work = functools.partial(on_ray, address=arguments.address, workers=workers_of(arguments))
    # A worker is a core's; more threads would only compete.
    of_one_core = settings.model_copy(update={"threads": 1})
    order = _order(arguments, of_one_core)
    if importlib.util.find_spec("ray") is None:
        return fail("This command needs Ray: pip install '.[bulk]'.")
    return run_folder(order, arguments.outputs, work)


def _refuse_what_does_nothing(arguments: argparse.Namespace) -> None:
    """Clips take no option of photos, nor photos one of clips."""
    add, why = (
        (add_look_arguments, "is of clips: add --video SUFFIX")
        if arguments.video is None
        else (functools.partial(add_depth_arguments, format_help=""), "is of photos, not of clips")
    )
    others = argparse.ArgumentParser()
    add(others)
    for name, usual in vars(others.parse_args([])).items():
        if name not in _OF_BOTH and getattr(arguments, name) != usual:
            raise InvalidParameter(f"{flag(name)} {why}.")


def _order(arguments: argparse.Namespace, settings: Settings) -> Order:
    folder, outputs = arguments.photos, arguments.outputs
    if arguments.video is None:
        format = arguments.format or OutputFormat.HEATMAP
        wanted = depth_of(arguments, format, settings)
        return photo_order(folder, outputs, FILE_KINDS, wanted, settings)
    video = order_of(arguments)
    # Checked once, not by every clip.
    name = f"clip{arguments.video}"
    if not Path(name).suffix or Path(name).name != name:
        raise InvalidParameter("--video must be a suffix, such as .mp4.")
    target_for(outputs / name, video)
    return folder_order(
        *(folder, outputs, ()),
        lambda source, to: ClipOrder(source, to, arguments.video, video, settings),
    )
