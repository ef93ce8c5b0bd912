"""``keys``: make API keys."""

from __future__ import annotations

import argparse
import sys

from service.api.access.keys import KEY_NAME, new_key
from service.settings import Settings


def add_parser(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Describe the command line of ``keys``."""
    parser = subparsers.add_parser("keys", help="make API keys")
    commands = parser.add_subparsers(dest="action", required=True)
    new = commands.add_parser("new", help="print a fresh key, and its line for the keys file")
    new.add_argument("name", type=_name, metavar="NAME", help="whose key it is; shown in the log")
    new.set_defaults(run=_new)


def _name(text: str) -> str:
    if not KEY_NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("1 to 64 letters, digits, dots, dashes and underscores")
    return text


def _new(arguments: argparse.Namespace, settings: Settings) -> int:
    key, line = new_key(arguments.name)
    # The line alone on standard output, so that `>> keys.txt` is all it takes.
    print(f"The key, shown only this once: {key}", file=sys.stderr)
    print("The line for DEPTH_API_KEYS_FILE:", file=sys.stderr, flush=True)
    print(line)
    return 0
