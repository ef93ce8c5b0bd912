"""A folder's run: told as it goes, and how it went."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from service.bulk.run import REPORT, Work, run_bulk
from service.bulk.worker import Order
from service.commands.failing import INTERRUPTED
from service.errors import InvalidParameter


def run_folder(order: Order, work: Work, outputs: Path) -> int:
    """The exit status, 1 where a file failed; ``outputs`` as the caller wrote it."""
    try:
        summary = run_bulk(order, work)
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
