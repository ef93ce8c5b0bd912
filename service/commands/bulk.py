"""``bulk``: a folder of very many photos, or of clips, on a Ray cluster."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

from service.bulk.clips import ClipOrder
from service.bulk.run import REPORT, run_bulk
from service.bulk.worker import BulkOrder, Order
from service.commands.failing import fail
from service.commands.predict import add_encode_arguments, encode_options, network_of
from service.commands.video import add_look_arguments, order_of
from service.imaging.formats import OutputFormat
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import refuse_own_outputs
from service.settings import Settings
from service.video.targets import target_for

# What shells say of a program that SIGINT ended.
_INTERRUPTED = 130


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``bulk``."""
    parser = subparsers.add_parser("bulk", help="depth of a folder of very many photos, on Ray")
    parser.add_argument("photos", type=Path, help="folder of photos or clips, with its subfolders")
    parser.add_argument("outputs", type=Path, help="folder for the outputs and the report")
    add_encode_arguments(parser, "default: heatmap", OutputFormat.HEATMAP)
    parser.add_argument(
        "--video", metavar="SUFFIX", help="clips, not photos; of the outputs: .mp4, .mkv, .zip, ..."
    )
    add_look_arguments(parser)
    parser.add_argument("--address", help="of a Ray cluster; default: this machine's cores")
    parser.add_argument("--workers", type=int, help="processes; default: one per core")
    parser.set_defaults(run=_bulk)


def _bulk(arguments: argparse.Namespace, settings: Settings) -> int:
    photos, outputs = arguments.photos.resolve(), arguments.outputs.resolve()
    if not photos.is_dir():
        return fail(f"{arguments.photos}: no such folder")
    refuse_own_outputs(photos, outputs)
    if importlib.util.find_spec("ray") is None:
        return fail("This command needs Ray: pip install '.[bulk]'.")
    # Before any worker starts: what is wrong with the weights is said once, and the network is
    # converted once.
    network_of(arguments, settings)
    # A worker is a core's; more threads would only compete.
    order = _order(arguments, photos, outputs, settings.model_copy(update={"threads": 1}))
    try:
        summary = run_bulk(order, arguments.address, arguments.workers)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return _INTERRUPTED
    print(
        f"{arguments.outputs}: {summary.done} done, {summary.skipped} were done before, "
        f"{summary.failed} failed" + (f" (see {REPORT})" if summary.failed else "")
    )
    return 1 if summary.failed else 0


def _order(arguments: argparse.Namespace, folder: Path, outputs: Path, settings: Settings) -> Order:
    if arguments.video is not None:
        video = order_of(arguments)
        # The suffix is checked once, not by every clip.
        target_for(outputs / f"clip{arguments.video}", video)
        return ClipOrder(folder, outputs, arguments.video, video, settings)
    return BulkOrder(
        folder,
        outputs,
        arguments.model,
        arguments.size or OutputSize.default_of(arguments.format),
        arguments.format,
        encode_options(arguments, settings),
        settings,
        arguments.resolution,
        arguments.quality,
    )
