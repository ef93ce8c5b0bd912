"""A folder of photos or clips: what is done is skipped, failures are reported."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass
from typing import TextIO

import orjson
from tqdm import tqdm

from service.bulk.made_by import keep_record
from service.bulk.outputs import OutputFolder
from service.bulk.worker import DONE, Order

REPORT = "failures.jsonl"

Work = Callable[[Order, list[bytes]], Generator[tuple[bytes, str, str]]]
"""Does files, and gives each with its error and detail, as they come."""


@dataclass
class BulkSummary:
    """How many files went which way."""

    skipped: int = 0
    done: int = 0
    failed: int = 0


def run_bulk(order: Order, identity: Mapping[str, str], work: Work) -> BulkSummary:
    """Make the missing outputs of a folder; blocks until all files were tried.

    Raises :class:`InvalidParameter` where outputs of that kind are there that are not of the same
    ``identity``.
    """
    outputs = OutputFolder(order.outputs)
    files = list(order.files())
    missing = [os.fsencode(file) for file in files if not outputs.has(order.output_of(file))]
    keep_record(order.outputs, order.kind, identity, order.is_output)
    outputs.open()
    summary = BulkSummary(skipped=len(files) - len(missing))
    with (
        contextlib.closing(outputs),
        (order.outputs / REPORT).open("w", encoding="utf-8") as report,
        tqdm(total=len(files), initial=summary.skipped, unit=order.unit) as bar,
        # First of all: what is in hand is finished where it was begun.
        contextlib.closing(work(order, missing)) as results,
    ):
        for file, error, detail in results:
            bar.update()
            if error == DONE:
                summary.done += 1
            else:
                summary.failed += 1
                _write_failure(report, order.unit, file, error, detail)
                tqdm.write(f"{os.fsdecode(file)}: {detail}", file=sys.stderr)
    return summary


def _write_failure(report: TextIO, unit: str, file: bytes, error: str, detail: str) -> None:
    # Names of files may be no text.
    name = bytes(file).decode("utf-8", "backslashreplace")
    line = orjson.dumps({unit: name, "type": str(error), "detail": str(detail)})
    report.write(line.decode() + "\n")
    report.flush()
