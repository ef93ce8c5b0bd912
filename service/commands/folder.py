"""A folder's run: what is wanted of it, told as it goes, and how it went."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from service.bulk.photos import PhotoOrder
from service.bulk.run import REPORT, Work, run_bulk
from service.bulk.worker import Order
from service.commands.failing import INTERRUPTED
from service.commands.output import refuse_file_name
from service.errors import InvalidParameter
from service.imaging.file_kind import FileKind
from service.pipeline.offline import OfflineDepth, check_outputs_folder, files_in
from service.pipeline.offline_effect import OfflineEffect
from service.settings import Settings

OrderT = TypeVar("OrderT", bound=Order)


def folder_order(
    folder: Path, outputs: Path, kinds: Sequence[FileKind], order: Callable[[Path, Path], OrderT]
) -> OrderT:
    """The ``order`` of a folder into another that is not named as a file of one of the ``kinds``.

    Raises :class:`InvalidParameter` where that cannot be, or where there is nothing to do.
    """
    check_outputs_folder(folder, outputs)
    refuse_file_name(outputs, kinds)
    ordered = order(folder.resolve(), outputs.resolve())
    files = list(files_in(folder))
    others = sum(not ordered.takes(file) for file in files)
    if others == len(files):
        found = f", only {others} files of other types" if others else ""
        raise InvalidParameter(f"{folder}: no {ordered.unit}s in it{found}")
    if others:
        print(f"{folder}: {others} of other types are left out", file=sys.stderr)
    return ordered


def photo_order(
    photos: Path,
    outputs: Path,
    kinds: Sequence[FileKind],
    wanted: OfflineDepth | OfflineEffect,
    settings: Settings,
) -> PhotoOrder:
    """What is to be made of a folder of photos; raises as :func:`folder_order`."""
    return folder_order(
        *(photos, outputs, kinds), lambda source, to: PhotoOrder(source, to, wanted, settings)
    )


def run_folder(order: Order, outputs: Path, work: Work | None = None) -> int:
    """The exit status, 1 where a file failed; ``outputs`` as the caller wrote it.

    Without ``work`` one file after the other is made in this process.
    """
    # Before any other process starts: what is wrong with the weights is said once, and the network
    # is converted once.
    worker = order.worker()
    try:
        summary = run_bulk(
            order, worker.identity, work or (lambda _, files: (worker.attempt(f) for f in files))
        )
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        return INTERRUPTED
    print(
        f"{outputs}: {summary.done} done, {summary.skipped} were done before, "
        f"{summary.failed} failed" + (f" (see {REPORT})" if summary.failed else "")
    )
    return 1 if summary.failed else 0


def workers_of(arguments: argparse.Namespace) -> int | None:
    """``--workers``, if given; raises :class:`InvalidParameter` for fewer than one."""
    workers: int | None = arguments.workers
    if workers is not None and workers < 1:
        raise InvalidParameter("--workers must be 1 or more.")
    return workers


def beside(folder: Path, name: str) -> Path:
    """Where a folder's outputs go that nobody gave a place: ``photos-heatmap`` beside ``photos``.

    Raises :class:`InvalidParameter` for a folder that has no name, and nothing beside it.
    """
    own = folder.resolve().name
    if not own:
        raise InvalidParameter("-o is missing: there is nothing beside this folder.")
    # As the caller wrote it, unless that ends in dots.
    place = folder if folder.name not in ("", "..") else folder.resolve()
    return place.with_name(f"{own}-{name}")
