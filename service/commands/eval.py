"""``eval``: how well networks do on photos whose depth is known."""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from service.commands.failing import fail
from service.errors import DepthError
from service.evaluation.metrics import Scores, score
from service.evaluation.pairs import Pair, motorcycle, pairs_in
from service.models.choice import NetworkChoice
from service.models.served_networks import ServedNetworks
from service.pipeline.estimator import OutputSize
from service.pipeline.offline import OfflineNetwork
from service.settings import Settings

_UNITS_A_METRE = 1000.0


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``eval``."""
    parser = subparsers.add_parser(
        "eval", help="zero-shot metrics of networks on photos with true depth"
    )
    parser.add_argument(
        "data",
        type=Path,
        nargs="?",
        help="a folder of photos, each with its depth beside it: a.jpg with a.npy (metres) or "
        "a.depth.png (16 bits); default: scikit-image's motorcycle",
    )
    parser.add_argument("--model", action="append", help="may be repeated; default: DEPTH_MODEL")
    parser.add_argument(
        "--units", type=float, help="PNG levels a metre in the folder (default: 1000)"
    )
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    parser.set_defaults(run=_eval)


def _eval(arguments: argparse.Namespace, settings: Settings) -> int:
    if arguments.data is None and arguments.units is not None:
        return fail("--units is of a folder's depth: name the folder.")
    units = _UNITS_A_METRE if arguments.units is None else arguments.units
    if not 0 < units < math.inf:
        return fail("--units must be above 0.")
    try:
        pairs = [motorcycle()]
        if arguments.data is not None:
            pairs = list(pairs_in(arguments.data, units))
        if not pairs:
            return fail(f"{arguments.data}: no photo has its true depth beside it")
        figures = {
            name: dataclasses.asdict(
                _evaluate(OfflineNetwork(NetworkChoice(name), settings), name, pairs)
            )
            for name in arguments.model or [ServedNetworks.of(settings).default]
        }
    except (ValueError, OSError) as error:
        return fail(str(error))
    print(f"{len(pairs)} photos; each number is a mean over them, and better when smaller")
    print(f"{'network':24} {'delta>1.25':>10} {'AbsRel':>8} {'ordinal':>8}")
    for name, one in figures.items():
        print(
            f"{name:24} {100 * one['delta']:>9.1f}% {one['abs_rel']:>8.3f} "
            f"{100 * one['ordinal']:>7.1f}%"
        )
    if arguments.json:
        arguments.json.write_text(json.dumps({"photos": len(pairs), **figures}, indent=1) + "\n")
    return 0


def _evaluate(network: OfflineNetwork, name: str, pairs: Sequence[Pair]) -> Scores:
    found: list[Scores] = []
    for pair in tqdm(pairs, unit="photo", desc=name, disable=None):
        try:
            depth = network.depth(pair.photo.read_bytes(), OutputSize.ORIGINAL)
        except DepthError as error:
            raise ValueError(f"{pair.photo}: {error.detail}") from error
        try:
            found.append(score(depth, np.asarray(pair.truth)))
        except ValueError as error:
            raise ValueError(f"{pair.photo}: {error}") from error
    return Scores(
        *(
            statistics.fmean(getattr(one, field.name) for one in found)
            for field in dataclasses.fields(Scores)
        )
    )
