"""The command line: serve, predict, effect, video, bulk, eval, models, keys, openapi and more."""

from __future__ import annotations

import argparse
import functools
import io
import logging
import os
import sys
from collections.abc import Collection, Sequence
from pathlib import Path

from service import __version__
from service.commands import bulk, effect, eval, keys, models, predict, video
from service.commands.failing import EXPECTED, INTERRUPTED, fail, fail_because
from service.commands.shorthand import completed
from service.observability.logging import configure_logging
from service.settings import Settings, unknown_variables

logger = logging.getLogger("service")


def main(argv: list[str] | None = None) -> int:
    """Run a command; returns the process's exit status."""
    if sys.stderr is None:
        # Else what is meant for it, such as a key, is printed to standard output.
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper):
        # Names of files may be no text; standard error is written so by itself.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        arguments = parse(sys.argv[1:] if argv is None else argv)
        settings = Settings()
        configure_logging(settings)
        if not _check_names():
            return 2
        status: int = arguments.run(arguments, settings)
        # What cannot be written is an error of the command, and no complaint at the very end.
        print(end="", flush=True)
    except EXPECTED as error:
        return fail_because(error)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    return status


def _check_names() -> bool:
    """Whether no variable looks like a setting that was mistyped; what is none is logged."""
    names_are_right = True
    for variable, meant in unknown_variables(os.environ).items():
        if meant is None:
            logger.warning("%s: there is no such setting", variable)
        else:
            print(f"{variable}: there is no such setting. Was {meant} meant?", file=sys.stderr)
            names_are_right = False
    return names_are_right


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """What a command line asks for; ``run`` is the function that does it.

    Raises :class:`InvalidParameter` for what is no command, and ``SystemExit`` as argparse does.
    """
    parser, commands = _parser()
    return parser.parse_args(completed(argv, commands))


@functools.cache
def _parser() -> tuple[argparse.ArgumentParser, Collection[str]]:
    """The whole command line, and the names of its commands."""
    parser = argparse.ArgumentParser(
        prog="depth-service",
        description="Monocular depth as a service.",
        epilog="depth-service PHOTO (or FOLDER): the same as depth-service predict PHOTO.",
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    serve = subparsers.add_parser("serve", help="run the HTTP server")
    serve.add_argument("--host", help="default: DEPTH_HOST")
    serve.add_argument("--port", type=int, help="default: DEPTH_PORT")
    serve.set_defaults(run=_serve)

    predict.add_parser(subparsers)
    effect.add_parser(subparsers)
    video.add_parser(subparsers)
    bulk.add_parser(subparsers)
    eval.add_parser(subparsers)
    models.add_parser(subparsers)
    keys.add_parser(subparsers)
    openapi = subparsers.add_parser("openapi", help="print the OpenAPI document")
    openapi.set_defaults(run=_openapi)
    table = subparsers.add_parser("settings", help="print all settings as a Markdown table")
    table.set_defaults(run=_settings)
    doctor = subparsers.add_parser("doctor", help="check this installation")
    doctor.set_defaults(run=_doctor)
    return parser, subparsers.choices


def _serve(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.commands.serve import serve

    given = {
        name: value for name in ("host", "port") if (value := getattr(arguments, name)) is not None
    }
    if given and settings.uds is not None:
        return fail(f"--{' and --'.join(given)}: the server listens on DEPTH_UDS={settings.uds}")
    # Through validation again, which model_copy() would skip.
    return serve(Settings(**given))


def _openapi(arguments: argparse.Namespace, settings: Settings) -> int:
    import json

    from service.api.openapi import openapi_document
    from service.server.app import create_app

    # From default settings: the document describes the contract, not one deployment.
    document = openapi_document(create_app(Settings.model_construct()), with_keys=True)
    print(json.dumps(document, indent=2, ensure_ascii=False))
    return 0


def _settings(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.commands.settings import settings_table

    print(settings_table())
    return 0


def _doctor(arguments: argparse.Namespace, settings: Settings) -> int:
    from service.commands.doctor import doctor

    return doctor(settings)


if __name__ == "__main__":
    sys.exit(main())
